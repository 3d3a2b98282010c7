#include "jobs/pull.hpp"

#include "base/format.hpp"
#include "jobs/export.hpp"
#include "jobs/have.hpp"
#include "jobs/keep.hpp"
#include "jobs/record.hpp"
#include "runtime/task_group.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// The distinct configs and layers of all images.
result<std::vector<transfer::wanted_blob>> blobs_of(const std::vector<resolved_image>& images) {
  std::vector<transfer::wanted_blob> wanted;
  std::map<digest, std::uint64_t> sizes;
  std::optional<failure> conflict;
  const auto add = [&](const resolved_image& image, const descriptor& blob, blob_role role) {
    const auto [known, added] = sizes.emplace(blob.digest, blob.size);
    if (added) wanted.push_back({image.name, blob, role});
    if (known->second != blob.size && !conflict) {
      conflict = failure(errc::malformed_document, fmt::format("{} names blob {} with two sizes, {} and {}", image.name.string(),
                                                               blob.digest.string(), known->second, blob.size));
    }
  };
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) {
      if (one.content.config.digest) add(image, one.content.config, blob_role::config);
      for (const descriptor& layer : one.content.layers) add(image, layer, blob_role::layer);
    }
  }
  if (conflict) return *conflict;
  return wanted;
}

/// Offline, with blobs that the store lacks although it has the manifests.
failure not_held(const std::vector<transfer::wanted_blob>& missing) {
  constexpr std::size_t shown = 5;
  std::string list;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < missing.size(); ++i) {
    bytes += missing[i].blob.size;
    if (i < shown) list.append(i == 0 ? "" : ", ").append(missing[i].blob.digest.string());
  }
  if (missing.size() > shown) list += fmt::format(" and {} more", missing.size() - shown);
  return {errc::not_found, fmt::format("{} is not held completely: {} blobs ({}) are not in the store, and nothing is fetched offline: {}",
                                       missing.front().source.string(), missing.size(), format_bytes(bytes), list)};
}

struct plan {
  std::vector<transfer::wanted_blob> missing;
  std::vector<transfer::wanted_blob> held;
  transfer_planned summary;
  std::size_t layers = 0;
  std::size_t layers_held = 0;
};

/// Tells what the store has, and puts there what descriptors carry inline. \p fetched is there, but not from an earlier run. Blocking.
result<plan> compare_with(const store::content_store& store, const std::vector<transfer::wanted_blob>& wanted,
                          const std::set<digest>& fetched) {
  plan made;
  for (const transfer::wanted_blob& one : wanted) {
    const bool layer = one.role == blob_role::layer;
    ++made.summary.blobs;
    made.summary.bytes += one.blob.size;
    made.layers += layer ? 1 : 0;
    const bool held = store.holds(one.blob);
    if (!held && one.blob.data) {
      const result<std::optional<std::string>> carried = model::inline_content(one.blob);
      if (!carried) return carried.error();
      const result<void> put = store.put(one.blob, **carried);
      if (!put) return put.error();
    } else if (!held) {
      made.missing.push_back(one);
      continue;
    }
    made.held.push_back(one);
    if (!held || fetched.contains(one.blob.digest)) continue;
    made.layers_held += layer ? 1 : 0;
    ++made.summary.blobs_held;
    made.summary.bytes_held += one.blob.size;
  }
  return made;
}

std::vector<store::reference_record> records_of(const std::vector<resolved_image>& images) {
  std::vector<store::reference_record> records;
  for (const resolved_image& image : images) {
    store::reference_record one;
    one.name = image.known_as;
    one.top = image.top;
    for (const resolved_manifest& manifest : image.manifests) {
      descriptor held = manifest.entry;
      if (!held.platform && !manifest.image_platform.os.empty()) held.platform = manifest.image_platform;
      one.manifests.push_back(std::move(held));
    }
    records.push_back(std::move(one));
  }
  return records;
}

/// All that the images consist of.
std::set<digest> digests_of(const std::vector<resolved_image>& images) {
  std::set<digest> all;
  for (const resolved_image& image : images) {
    all.insert(image.top.digest);
    for (const descriptor& index : image.indexes) all.insert(index.digest);
    for (const resolved_manifest& one : image.manifests) {
      all.insert(one.entry.digest);
      if (one.content.config.digest) all.insert(one.content.config.digest);
      for (const descriptor& layer : one.content.layers) all.insert(layer.digest);
    }
  }
  return all;
}

/// The blobs that the receiver of the archive has. Configurations travel all the same: they are small, and say what an image runs on.
/// Blocking.
result<std::set<digest>> left_out(const std::vector<std::filesystem::path>& paths, const std::vector<resolved_image>& images,
                                  const std::atomic<bool>& stop) {
  std::set<digest> all;
  for (const std::filesystem::path& path : paths) {
    result<std::set<digest>> held = read_have(path, stop);
    if (!held) return held.error();
    all.merge(*held);
  }
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) all.erase(one.content.config.digest);
  }
  return all;
}

/// The images all of whose blobs are in the store: those that the receiver has need not be. Blocking.
std::vector<resolved_image> held_completely(const std::vector<resolved_image>& images, const std::set<digest>& have,
                                            const store::content_store& store) {
  const auto there = [&](const descriptor& blob) { return !have.contains(blob.digest) || store.holds(blob); };
  std::vector<resolved_image> complete;
  for (const resolved_image& image : images) {
    const bool all = std::all_of(image.manifests.begin(), image.manifests.end(), [&](const resolved_manifest& one) {
      return std::all_of(one.content.layers.begin(), one.content.layers.end(), there);
    });
    if (all) complete.push_back(image);
  }
  return complete;
}

std::vector<pulled_image> describe(const std::vector<resolved_image>& images) {
  std::vector<pulled_image> described;
  for (const resolved_image& image : images) {
    for (const resolved_manifest& one : image.manifests) {
      if (one.attestation) continue;
      described.push_back({image.known_as, image.top, one.entry, one.content.config, one.image_platform});
    }
  }
  return described;
}

/// Bytes of all blobs; 0 when they cannot be counted, which is no reason to fail.
task<std::uint64_t> size_of(transfer::context& shared, std::shared_ptr<store::content_store> store) {
  auto call = [store = std::move(store)]() -> std::uint64_t {
    const auto files = store->files();
    return files ? total_size(files->blobs) : 0;
  };
  co_return co_await offload(shared.lanes, lane::files, std::move(call));
}

/// Opens the connections that the layers will want while manifests and configurations are still on their way; a round trip less for all of
/// them.
class early_connections {
 public:
  early_connections(transfer::context& shared, transfer::operation& running)
      : shared_(shared), stop_(running.stop), opening_(shared.executor) {}

  void open(const std::string& registry) {
    // With the connection that has brought the manifest they are not more than will be used.
    const unsigned allowed = std::min(shared_.jobs, shared_.max_per_host);
    const unsigned wanted = std::min(allowed, shared_.adaptive ? adaptive_start : most);
    if (wanted < 2 || opened_) return;
    opened_ = true;
    opening_.spawn(shared_.registry.warm_up(registry, wanted - 1, stop_));
  }
  task<> close() {
    stop_.request_stop();
    co_await opening_.join();
  }

 private:
  // What the controller of connections starts with.
  static constexpr unsigned adaptive_start = 4;
  static constexpr unsigned most = 8;

  transfer::context& shared_;
  runtime::stop_source stop_;
  runtime::task_group opening_;
  bool opened_ = false;  ///< once: the first registry is mostly the only one
};

task<result<pull_result>> pull_images(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                      std::shared_ptr<store::content_store> store, std::vector<reference> images, pull_options options,
                                      bool sync, std::shared_ptr<store::lease> lease, early_connections& early) {
  const auto started = std::chrono::steady_clock::now();
  transfer::operation& now = *running;
  platform_choice choice{options.platforms, options.all_platforms};

  std::vector<resolved_image> resolved;
  resolver names(
      shared, now, store, [&early](const reference& image) { early.open(image.registry()); }, options.offline);
  for (const reference& image : images) {
    result<resolved_image> one = co_await names.resolve(image, choice);
    if (!one) co_return one.error();
    if (!options.name.empty()) one->known_as = options.name;
    now.events.emit(image_resolved{image, one->top, one->manifests.size()});
    resolved.push_back(std::move(*one));
  }

  co_await keep_only(shared, std::move(lease), digests_of(resolved));
  auto look = [&options, &resolved, running] { return left_out(options.have, resolved, running->stop_flag()); };
  const result<std::set<digest>> have = co_await offload(shared.lanes, lane::files, std::move(look));
  if (!have) co_return have.error();

  std::optional<archive_export> exporting;
  if (!std::holds_alternative<store_only>(options.output)) {
    auto prepare = [&options, &resolved, &have, store] { return archive_export::prepare(options.output, resolved, *store, *have); };
    result<archive_export> prepared = co_await offload(shared.lanes, lane::files, std::move(prepare));
    if (!prepared) co_return prepared.error();
    for (const std::string& note : prepared->notes()) now.events.emit(warning{note});
    exporting = std::move(*prepared);
  }

  result<std::vector<transfer::wanted_blob>> wanted = blobs_of(resolved);
  if (!wanted) co_return wanted.error();
  std::erase_if(*wanted, [&have](const transfer::wanted_blob& one) { return have->contains(one.blob.digest); });
  auto compare = [store, blobs = std::move(*wanted), fetched = names.fetched()] { return compare_with(*store, blobs, fetched); };
  result<plan> compared = co_await offload(shared.lanes, lane::files, std::move(compare));
  if (!compared) co_return compared.error();
  plan made = std::move(*compared);
  now.events.emit(made.summary);
  for (const transfer::wanted_blob& one : made.held)
    now.events.emit(blob_finished{one.blob.digest, one.blob.size, !names.fetched().contains(one.blob.digest)});

  if (options.offline && !made.missing.empty()) co_return not_held(made.missing);
  now.read_again = exporting.has_value();
  const result<transfer::fetch_summary> fetched = co_await transfer::fetch_all(shared, now, store, std::move(made.missing));
  if (!fetched) co_return fetched.error();
  // What came out of the store under its own name stands there already.
  if (!options.offline || !options.name.empty()) {
    auto select = [&resolved, &have, store] { return held_completely(resolved, *have, *store); };
    const std::vector<resolved_image> complete = co_await offload(shared.lanes, lane::files, std::move(select));
    const result<void> recorded = co_await record(shared, now, store, records_of(complete));
    if (!recorded) {
      // A store that can only be read gives what it has.
      if (!exporting || recorded.error().code != errc::access_denied) co_return recorded.error();
      now.events.emit(warning{"the store does not learn the name: " + recorded.error().text.message()});
    }
  }

  pull_result done;
  if (exporting) {
    archive_export out = std::move(*exporting);
    const result<std::uint64_t> size = co_await archive_export::write(shared, running, store, std::move(out), sync);
    if (!size) co_return size.error();
    done.archive_size = *size;
  }
  done.images = describe(resolved);
  done.layers = made.layers;
  done.layers_reused = made.layers_held + fetched->layers_reused;
  done.blobs = made.summary.blobs;
  done.bytes = made.summary.bytes;
  done.blobs_reused = made.summary.blobs_held + fetched->reused;
  done.bytes_reused = made.summary.bytes_held + fetched->bytes_reused;
  done.bytes_resumed = fetched->bytes_resumed;
  done.bytes_received = now.bytes_received();
  done.store_size = co_await size_of(shared, store);
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  now.events.flush();
  co_return done;
}

}  // namespace

task<result<pull_result>> pull(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, std::vector<reference> images, pull_options options,
                               bool sync) {
  const result<std::shared_ptr<store::lease>> lease = co_await keep_all(shared, *running, store);
  if (!lease) co_return lease.error();
  early_connections early(shared, *running);
  std::exception_ptr thrown;
  std::optional<result<pull_result>> outcome;
  try {
    outcome = co_await pull_images(shared, running, std::move(store), std::move(images), std::move(options), sync, *lease, early);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await early.close();
  co_await keep_no_longer(shared, *lease);
  if (thrown) std::rethrow_exception(thrown);
  co_return std::move(*outcome);
}

}  // namespace gantry::jobs
