#include "jobs/list.hpp"

#include "model/image_config.hpp"
#include "model/media_type.hpp"
#include "runtime/lanes.hpp"
#include "store/image_tree.hpp"

#include <atomic>
#include <set>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

stored_blob describe(const store::content_store& store, const descriptor& blob, bool config) {
  stored_blob one;
  one.blob = blob;
  one.path = store.path_of(blob.digest);
  one.config = config;
  const auto kind = model::compression_of(blob.media_type);
  one.compressed = kind == model::compression::gzip || kind == model::compression::zstd;
  one.held = store.holds(blob);
  return one;
}

/// Of the entry, else of the config.
platform platform_of(const store::content_store& store, const store::image_tree::member& one) {
  if (one.entry.platform) return normalise(*one.entry.platform);
  if (!one.content || !model::is_image(*one.content)) return {};
  const auto bytes = store.read(one.content->config, model::document_limit);
  if (!bytes) return {};
  const auto config = model::parse_image_config(*bytes, "the configuration");
  return config ? normalise(config->platform) : platform();
}

stored_reference describe(const store::content_store& store, const store::held_reference& held) {
  const store::image_tree tree = walk(store, held.record);
  stored_reference all;
  all.reference = held.record.name;
  all.top = held.record.top;
  all.path = store.path_of(all.top.digest);
  all.pulled = held.used;
  // What a client of `serve --upstream` took a part of.
  const bool begun = held.record.manifests.empty() && !tree.manifests.empty();
  all.complete = tree.unreadable.empty() && !begun;
  tree.for_each_blob([&](const descriptor& blob, blob_role, bool required) {
    if (required && !store.holds(blob)) all.complete = false;
  });
  std::set<digest> counted;
  const auto count = [&](const descriptor& blob) {
    if (blob.digest && store.holds(blob) && counted.insert(blob.digest).second) all.size += blob.size;
  };
  count(all.top);
  for (const store::image_tree::index& one : tree.indexes) count(one.entry);
  for (const store::image_tree::member& one : tree.manifests) {
    // Platforms that another name brought are that name's.
    if (!one.required && !begun) continue;
    count(one.entry);
    if (one.content) {
      count(one.content->config);
      for (const descriptor& layer : one.content->layers) count(layer);
    }
    if (begun) continue;
    stored_manifest image;
    image.manifest = one.entry;
    image.path = store.path_of(one.entry.digest);
    image.image_platform = platform_of(store, one);
    if (one.content) {
      image.config = one.content->config;
      if (image.config.digest) image.blobs.push_back(describe(store, image.config, true));
      for (const descriptor& layer : one.content->layers) image.blobs.push_back(describe(store, layer, false));
    }
    all.manifests.push_back(std::move(image));
  }
  return all;
}

struct listing {
  list_result result;
  std::vector<store::damaged_record> damaged;
};

}  // namespace

result<store_usage> usage_of(const store::content_store& store) {
  const auto files = store.files();
  if (!files) return files.error();
  store_usage usage;
  usage.directory = store.root();
  usage.exists = true;
  usage.blobs = files->blobs.size();
  usage.bytes = total_size(files->blobs);
  usage.partial_bytes = total_size(files->partial);
  usage.quarantined_bytes = total_size(files->quarantined);
  return usage;
}

task<result<list_result>> list(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store) {
  auto call = [store, running]() -> result<listing> {
    listing all;
    auto usage = usage_of(*store);
    if (!usage) return usage.error();
    all.result.usage = std::move(*usage);
    auto held = store->held_references();
    if (!held) return held.error();
    all.damaged = std::move(held->damaged);
    for (const store::held_reference& one : held->sound) {
      if (running->stop_flag()) return failure(errc::cancelled, "stopped");
      all.result.references.push_back(describe(*store, one));
    }
    return all;
  };
  result<listing> seen = co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(call));
  if (!seen) co_return seen.error();
  for (const store::damaged_record& one : seen->damaged) running->events.emit(warning{advice_of(one)});
  running->events.flush();
  co_return std::move(seen->result);
}

}  // namespace gantry::jobs
