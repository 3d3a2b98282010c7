#include "jobs/sync_directory.hpp"

#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "jobs/export.hpp"
#include "jobs/held_directory.hpp"
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

/// A directory that is ready to be written, and where its blobs come from.
struct prepared_content {
  std::shared_ptr<model::blob_source> blobs;
  std::optional<archive_export> out;
};

}  // namespace

struct directory_sync::planned_content {
  std::vector<archive::archived_image> images;  ///< none: nothing has changed
  std::set<reference> unchanged;
  std::map<reference, descriptor> tops;
  bool keeps = false;  ///< whether some of them did not come in this run
};

task<result<void>> directory_sync::begin(const sync_plan& plan) {
  auto read = [path = directory(), running = running_] { return read_directory(path, running->stop_flag()); };
  auto held = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(read));
  if (!held) co_return held.error();
  there_ = std::move(held->named);
  nameless_ = std::move(held->nameless);
  for (const auto& [name, image] : there_) {
    const auto named = plan.named.find(name.name());
    if (named != plan.named.end() && named->second.contains(name.tag())) continue;
    (plan.unknown.contains(name.name()) ? unknown_ : unwanted_).push_back(name);
  }
  if (unwanted_.empty() && nameless_.empty()) co_return result<void>();
  if (!options_.find_unwanted) {
    const std::string first = unwanted_.empty() ? nameless_.front() : unwanted_.front().string();
    co_return failure(errc::invalid_option,
                      fmt::format("{} holds {}, which the list does not name, and is written as a whole; --prune lets it go",
                                  directory().string(), first));
  }
  for (const std::string& one : nameless_) {
    running_->events.emit(warning{fmt::format("{} of {} {}: it has no name that a list could have", one, directory().string(),
                                              options_.dry_run ? "would go" : "goes")});
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
  brought_image came;
  if (!one_by_one) {
    const result<void> fetched = co_await fetch(part, one, there, done, came);
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
      const result<void> fetched = co_await fetch(each, one, std::move(alone), done, came);
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
  came.platforms = std::move(there);
  brought_.insert_or_assign(done.target, std::move(came));
  co_return result<void>();
}

task<result<void>> directory_sync::fetch(sync_part& part, const planned_sync& one, std::vector<platform> platforms, synced_image& done,
                                         brought_image& into) {
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
  std::vector<reference> images(1, one.source);
  const auto pulled = co_await pull(part.shared, part.running, store_, std::move(images), std::move(wanted), sync_);
  if (!pulled) co_return pulled.error();
  const pulled_image& first = pulled->images.front();
  if (into.top.digest != first.top.digest) into.manifests.clear();  // the tag has moved between two platforms
  into.known_as = first.reference;
  into.top = done.top = first.top;
  for (const pulled_image& image : pulled->images) into.manifests.insert(image.manifest.digest);
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
  if (done.missing.empty() && known != there_.end() && manifests_of(known->second) == manifests) done.state = sync_state::unchanged;
}

/// Blocking.
result<directory_sync::planned_content> directory_sync::plan_content(const std::vector<reference>& names) const {
  planned_content made;
  std::size_t kept = 0;
  for (const reference& name : names) {
    const auto came = brought_.find(name);
    const auto known = there_.find(name);
    if (known != there_.end()) ++kept;
    if (came == brought_.end()) {
      if (known == there_.end()) continue;  // it failed, and was not there before
      made.unchanged.insert(name);
      made.images.push_back(known->second);
      made.keeps = true;
      continue;
    }
    std::set<digest> held = came->second.manifests;
    // Attestations are in no result of a pull.
    if (const auto record = store_->find_reference(came->second.known_as);
        record && *record && (*record)->top.digest == came->second.top.digest) {
      for (const descriptor& one : (*record)->manifests) held.insert(one.digest);
    }
    auto image = chosen_image(*store_, came->second.top, name, held, came->second.platforms);
    if (!image) return image.error();
    if (known != there_.end() && manifests_of(known->second) == manifests_of(*image)) made.unchanged.insert(name);
    made.tops.emplace(name, top_of(*image));
    made.images.push_back(std::move(*image));
  }
  // Of a list that becomes one image it does not get another name.
  for (archive::archived_image& one : made.images) one.full_names = true;
  // Nothing new, and nothing to be dropped.
  if (made.unchanged.size() == made.images.size() && kept == there_.size() && nameless_.empty()) made.images.clear();
  return made;
}

task<result<void>> directory_sync::finish(std::vector<synced_image>& done) {
  if (options_.dry_run) {
    dropped_ = unwanted_;
    co_return result<void>();
  }
  std::vector<reference> names;
  for (const synced_image& one : done) {
    if (!one.target.tag().empty()) names.push_back(one.target);
  }
  names.insert(names.end(), unknown_.begin(), unknown_.end());
  auto plan = [this, names] { return plan_content(names); };
  auto made = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(plan));
  if (!made) co_return made.error();
  for (synced_image& one : done) {
    if (one.state == sync_state::failed) continue;
    // What the source names may be more than what is written of it.
    if (const auto top = made->tops.find(one.target); top != made->tops.end()) one.top = top->second;
    if (one.state == sync_state::copied && made->unchanged.contains(one.target)) one.state = sync_state::unchanged;
  }
  if (made->images.empty()) co_return result<void>();
  auto prepare = [path = directory(), store = store_, content = std::move(*made), running = running_]() -> result<prepared_content> {
    prepared_content ready;
    ready.blobs = store;
    if (content.keeps) {
      auto opened = archive::open_image_source(path, {}, running->stop_flag());
      if (!opened) return opened.error();
      ready.blobs = store_and_directory(store, std::move(*opened));
    }
    archive_file file;
    file.path = path;
    file.format = archive_format::oci_dir;
    auto out = archive_export::prepare(output(file), content.images, store->root());
    if (!out) return out.error();
    ready.out.emplace(std::move(*out));
    return ready;
  };
  auto ready = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(prepare));
  if (!ready) co_return ready.error();
  const auto written = co_await archive_export::write_from(shared_, running_, std::move(ready->blobs), std::move(*ready->out), sync_);
  if (!written) co_return written.error();
  dropped_ = unwanted_;
  co_return result<void>();
}

}  // namespace gantry::jobs
