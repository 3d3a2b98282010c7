#include "jobs/sync_directory.hpp"

#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "jobs/export.hpp"
#include "jobs/pull.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/resolve.hpp"
#include "jobs/sync_image.hpp"
#include "store/memory_documents.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace gantry::jobs {
namespace {

std::set<digest> manifests_of(const archive::archived_image& image) {
  std::set<digest> all;
  for (const archive::archived_manifest& one : image.manifests) all.insert(one.manifest.digest);
  return all;
}

/// Of \p held, what lies under \p top, those for \p platforms; empty: all. Blocking.
result<archive::archived_image> chosen_image(model::blob_source& blobs, const descriptor& top, const reference& name,
                                             const std::set<digest>& held, const std::vector<platform>& platforms) {
  auto whole = archive::read_image(blobs, top, std::vector<reference>(1, name), held);
  if (!whole || platforms.empty()) return whole;
  const auto chosen = choose_manifests(*whole, platforms);
  if (!chosen) return chosen.error();
  std::set<digest> kept;
  for (const auto* one : *chosen) kept.insert(one->manifest.digest);
  return archive::read_image(blobs, top, std::vector<reference>(1, name), kept);
}

/// The same as index.json has it.
descriptor top_of(const archive::archived_image& image) {
  descriptor top = archive::listed_top(image);
  top.data.reset();
  top.annotations.clear();
  return top;
}

/// What is written of \p name. Blocking.
result<archive::archived_image> stored_image(store::content_store& store, const reference& name, const std::vector<platform>& platforms) {
  const auto record = store.find_reference(name);
  if (!record) return record.error();
  if (!*record) return failure(errc::not_found, fmt::format("{} is not in the store any more", name.string()));
  std::set<digest> held;
  for (const descriptor& one : (*record)->manifests) held.insert(one.digest);
  return chosen_image(store, (*record)->top, name, held, platforms);
}

}  // namespace

task<result<void>> directory_sync::begin(const sync_plan& plan) {
  auto read = [path = directory(), running = running_]() -> result<std::map<reference, std::set<digest>>> {
    std::map<reference, std::set<digest>> there;
    std::error_code ec;
    if (!std::filesystem::exists(path, ec) || std::filesystem::is_empty(path, ec)) return there;
    const auto opened = archive::open_image_source(path, {}, running->stop_flag());
    if (!opened) return opened.error();
    for (const archive::source_image& one : (*opened)->images()) {
      for (const reference& name : one.content.names) there.emplace(name, manifests_of(one.content));
    }
    return there;
  };
  auto there = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(read));
  if (!there) co_return there.error();
  there_ = std::move(*there);
  for (const auto& [name, manifests] : there_) {
    const auto named = plan.named.find(name.name());
    if (named != plan.named.end() && named->second.contains(name.tag())) continue;
    (plan.unknown.contains(name.name()) ? unknown_ : unwanted_).push_back(name);
  }
  if (!options_.find_unwanted && !unwanted_.empty()) {
    co_return failure(errc::invalid_option,
                      fmt::format("{} holds {}, which the list does not name, and is written as a whole; --prune lets it go",
                                  directory().string(), unwanted_.front().string()));
  }
  co_return result<void>();
}

task<synced_image> directory_sync::bring(const planned_sync& one, reference target) {
  synced_image done;
  done.entry = one.entry->number;
  done.source = one.source;
  done.target = std::move(target);
  sync_part part(shared_, *running_, one.entry->retries, one.entry->timeout);
  const result<void> filled = co_await fill(part, one, done);
  part.running->events.flush();
  if (!filled) note_failure(done, part.timed_out() ? too_late(one.source.string(), *one.entry->timeout) : filled.error());
  co_return done;
}

task<result<void>> directory_sync::fill(sync_part& part, const planned_sync& one, synced_image& done) {
  const sync_entry& entry = *one.entry;
  bool one_by_one = times_platforms(entry);
  std::vector<platform> there = entry.platforms;
  if (!one_by_one) {
    const result<void> fetched = co_await fetch(part, one, there, done);
    one_by_one = !fetched && fetched.error().code == errc::platform_not_found && options_.allow_partial;
    if (!fetched && !one_by_one) co_return fetched.error();
  }
  if (one_by_one) {
    there.clear();
    std::optional<failure> first;
    for (const platform& wanted : entry.platforms) {
      const auto time = time_of(entry, wanted);
      sync_part each(part.shared, *part.running, std::nullopt, time);
      std::vector<platform> alone(1, wanted);
      const result<void> fetched = co_await fetch(each, one, std::move(alone), done);
      if (fetched) {
        there.push_back(wanted);
        continue;
      }
      failure why = fetched.error();
      if (each.timed_out()) why = too_late(fmt::format("{} of {}", to_string(wanted), done.source.string()), *time);
      if (!options_.allow_partial || !(each.timed_out() || why.code == errc::platform_not_found)) co_return why;
      if (!first) first = std::move(why);
      done.missing.push_back(wanted);
    }
    if (there.empty()) co_return *first;
  }
  done.state = done.missing.empty() ? sync_state::copied : sync_state::partial;
  if (options_.dry_run) settle_dry(done, there);
  platforms_.insert_or_assign(done.target, std::move(there));
  co_return result<void>();
}

task<result<void>> directory_sync::fetch(sync_part& part, const planned_sync& one, std::vector<platform> platforms, synced_image& done) {
  if (options_.dry_run) {
    looked_at& looked = looked_[done.target];
    if (!looked.documents) looked.documents = std::make_shared<store::memory_documents>();
    resolver names(part.shared, *part.running, looked.documents);
    platform_choice choice;
    choice.all = platforms.empty();
    choice.platforms = std::move(platforms);
    const auto found = co_await names.resolve(one.source, std::move(choice));
    if (!found) co_return found.error();
    done.top = found->top;
    looked.top = found->top;
    std::vector<descriptor> blobs;
    for (const resolved_manifest& manifest : found->manifests) {
      looked.manifests.insert(manifest.entry.digest);
      if (counted_.insert(manifest.content.config.digest).second) blobs.push_back(manifest.content.config);
      for (const descriptor& layer : manifest.content.layers) {
        if (counted_.insert(layer.digest).second) blobs.push_back(layer);
      }
    }
    auto look = [store = store_, blobs]() {
      upload_counts counts;
      for (const descriptor& blob : blobs) {
        ++counts.blobs;
        counts.bytes += blob.size;
        const bool held = store->holds(blob);
        counts.blobs_present += held ? 1 : 0;
        counts.blobs_uploaded += held ? 0 : 1;
        counts.bytes_uploaded += held ? 0 : blob.size;
      }
      return counts;
    };
    const upload_counts counts = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(look));
    add_counts(counts_, counts);
    co_return result<void>();
  }
  pull_options wanted;
  wanted.all_platforms = platforms.empty();
  wanted.platforms = std::move(platforms);
  wanted.name = done.target;
  std::vector<reference> images(1, one.source);
  const auto pulled = co_await pull(part.shared, part.running, store_, std::move(images), std::move(wanted), sync_);
  if (!pulled) co_return pulled.error();
  done.top = pulled->images.front().top;
  upload_counts counts;
  counts.blobs = pulled->blobs;
  counts.bytes = pulled->bytes;
  counts.blobs_present = pulled->blobs_reused;
  counts.blobs_uploaded = pulled->blobs - pulled->blobs_reused;
  counts.bytes_uploaded = pulled->bytes - pulled->bytes_reused;
  add_counts(counts_, counts);
  co_return result<void>();
}

/// What a dry run would write of an image.
void directory_sync::settle_dry(synced_image& done, const std::vector<platform>& platforms) {
  const auto looked = looked_.extract(done.target);
  if (looked.empty()) return;
  const looked_at& seen = looked.mapped();
  const auto image = chosen_image(*seen.documents, seen.top, done.target, seen.manifests, platforms);
  if (image) done.top = top_of(*image);
  const std::set<digest> manifests = image ? manifests_of(*image) : seen.manifests;
  const auto known = there_.find(done.target);
  if (done.missing.empty() && known != there_.end() && known->second == manifests) done.state = sync_state::unchanged;
}

task<result<void>> directory_sync::finish(std::vector<synced_image>& done) {
  if (options_.dry_run) {
    dropped_ = unwanted_;
    co_return result<void>();
  }
  struct planned {
    std::vector<archive::archived_image> images;
    std::set<reference> unchanged;
    std::map<reference, descriptor> tops;
  };
  std::vector<reference> names;
  for (const synced_image& one : done) {
    if (!one.target.tag().empty()) names.push_back(one.target);
  }
  names.insert(names.end(), unknown_.begin(), unknown_.end());
  auto plan = [store = store_, names, platforms = platforms_, there = there_]() -> result<planned> {
    planned made;
    std::size_t kept = 0;
    for (const reference& name : names) {
      const auto came = platforms.find(name);
      const auto known = there.find(name);
      if (came == platforms.end() && known == there.end()) continue;  // it failed, and was not there before
      auto image = stored_image(*store, name, came == platforms.end() ? std::vector<platform>() : came->second);
      if (!image) return image.error();
      kept += known == there.end() ? 0 : 1;
      if (known != there.end() && known->second == manifests_of(*image)) made.unchanged.insert(name);
      made.tops.emplace(name, top_of(*image));
      made.images.push_back(std::move(*image));
    }
    // Nothing new, and nothing to be dropped.
    if (made.unchanged.size() == made.images.size() && kept == there.size()) made.images.clear();
    return made;
  };
  auto made = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(plan));
  if (!made) co_return made.error();
  for (synced_image& one : done) {
    if (one.state == sync_state::failed) continue;
    // What the source names may be more than what is written of it.
    if (const auto top = made->tops.find(one.target); top != made->tops.end()) one.top = top->second;
    if (one.state == sync_state::copied && made->unchanged.contains(one.target)) one.state = sync_state::unchanged;
  }
  if (made->images.empty()) co_return result<void>();
  archive_file file;
  file.path = directory();
  file.format = archive_format::oci_dir;
  auto prepare = [file, images = made->images, root = store_->root()] { return archive_export::prepare(output(file), images, root); };
  auto out = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(prepare));
  if (!out) co_return out.error();
  const auto written = co_await archive_export::write(shared_, running_, store_, std::move(*out), sync_);
  if (!written) co_return written.error();
  dropped_ = unwanted_;
  co_return result<void>();
}

}  // namespace gantry::jobs
