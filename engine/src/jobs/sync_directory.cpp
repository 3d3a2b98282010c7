#include "jobs/sync_directory.hpp"

#include "jobs/export.hpp"
#include "jobs/pull.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/resolve.hpp"
#include "jobs/sync_image.hpp"
#include "registry/manifest_requests.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

namespace gantry::jobs {
namespace {

std::set<digest> manifests_of(const archive::archived_image& image) {
  std::set<digest> all;
  for (const archive::archived_manifest& one : image.manifests) all.insert(one.manifest.digest);
  return all;
}

/// Whether the directory, where \p known is, names just \p image.
bool is_same(const archive::archived_image& known, const archive::archived_image& image) {
  return known.top.digest == archive::listed_top(image).digest && manifests_of(known) == manifests_of(image);
}

/// What index.json has of it.
descriptor top_of(const archive::archived_image& image) {
  descriptor top = archive::listed_top(image);
  top.data.reset();
  top.annotations.clear();
  return top;
}

}  // namespace

struct directory_sync::planned_content {
  std::vector<archive::archived_image> images;  ///< none: nothing has changed
  std::shared_ptr<model::blob_source> blobs;
};

task<result<void>> directory_sync::begin(const sync_plan& plan) {
  auto read = [path = directory(), running = running_] { return read_directory(path, running->stop_flag()); };
  auto held = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(read));
  if (!held) co_return held.error();
  there_ = std::move(*held);
  for (const auto& [name, image] : there_.named) {
    const auto named = plan.named.find(name.name());
    if (named != plan.named.end() && named->second.contains(name.tag())) continue;
    (plan.unknown.contains(name.name()) ? unknown_ : unwanted_).push_back(name);
  }
  if (unwanted_.empty() && there_.nameless.empty()) co_return result<void>();
  if (!options_.find_unwanted) {
    const std::string first = unwanted_.empty() ? there_.nameless.front() : unwanted_.front().string();
    co_return failure(errc::invalid_option,
                      fmt::format("{} holds {}, which the list does not name, and is written as a whole; --prune lets it go",
                                  directory().string(), first));
  }
  for (const std::string& one : there_.nameless) {
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

task<result<std::optional<descriptor>>> directory_sync::ask(sync_part& part, reference source) {
  if (const auto known = asked_.find(source); known != asked_.end()) co_return std::optional(known->second);
  auto head = [&part, source] { return registry::head_manifest(part.shared.registry, source, part.running->stop); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(part.shared, *part.running, "manifest of " + source.familiar(),
                                                                        head, source.registry());
  if (found && *found) co_return std::optional(asked_.try_emplace(source, **found).first->second);
  co_return found;
}

void directory_sync::pin(pinned_source& from, descriptor top) const {
  if (top.digest) from.name = from.name.with_digest(top.digest);
  // Who wants all to be written anew trusts nothing that is there.
  auto directory = options_.force_upload ? nullptr : there_.blobs;
  from.documents = std::make_shared<store_and_directory>(store_, std::move(directory), from.aside, std::move(top));
}

task<bool> directory_sync::is_there(const archive::archived_image& image) {
  const auto known = there_.named.find(image.names.front());
  if (known == there_.named.end() || options_.force_upload || !is_same(known->second, image)) co_return false;
  auto check = [blobs = there_.blobs, &held = known->second] { return is_whole(*blobs, held); };
  co_return co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(check));
}

task<result<archive::archived_image>> directory_sync::look(sync_part& part, pinned_source& from, reference target,
                                                           std::vector<platform> platforms, bool as_index) {
  resolver names(part.shared, *part.running, from.documents);
  platform_choice choice;
  choice.all = platforms.empty();
  choice.platforms = platforms;
  const reference name = from.name;
  const auto found = co_await names.resolve(name, std::move(choice));
  if (!found) co_return found.error();
  if (!name.digest()) pin(from, found->top);
  archive::archived_image image = archived(*found);
  image.names.assign(1, std::move(target));
  if (!platforms.empty()) {
    const result<void> kept = keep_part(image, platforms, as_index);
    if (!kept) co_return kept.error();
  }
  if (!image.indexes.empty()) image.words.reset();  // nothing is made of it, and a long list is held as a whole
  co_return image;
}

task<result<void>> directory_sync::fill(sync_part& part, const planned_sync& one, synced_image& done) {
  const sync_entry& entry = *one.entry;
  const auto asked = co_await ask(part, one.source);
  if (!asked) co_return asked.error();
  const descriptor top = asked->value_or(descriptor());
  const auto known = there_.named.find(done.target);
  if (entry.platforms.empty() && known != there_.named.end() && known->second.top.digest == top.digest) {
    const bool same = co_await is_there(known->second);
    if (same) {
      part.running->events.emit(image_resolved{one.source, top, 0});
      done.top = top_of(known->second);
      done.state = sync_state::unchanged;
      co_return result<void>();
    }
  }
  pinned_source from;
  from.name = one.source;
  if (options_.dry_run) from.aside = std::make_shared<store::memory_documents>();
  pin(from, top);

  std::vector<platform> there = entry.platforms;
  result<archive::archived_image> image = failure(errc::platform_not_found, "not looked at");
  bool one_by_one = times_platforms(entry);
  if (!one_by_one) {
    image = co_await look(part, from, done.target, there, false);
    one_by_one = !image && image.error().code == errc::platform_not_found && options_.allow_partial;
  }
  if (one_by_one) {
    auto found = co_await try_platforms(part, from, one, done);
    if (!found) co_return found.error();
    there = std::move(*found);
    image = co_await look(part, from, done.target, there, !done.missing.empty());
  }
  if (!image) co_return image.error();
  const bool same = co_await is_there(*image);
  if (same) part.running->events.emit(image_resolved{one.source, image->top, 0});
  if (options_.dry_run) {
    co_await count(from, *image);
  } else if (!same) {
    const result<void> fetched = co_await fetch(part, from, one.source, std::move(there));
    if (!fetched) co_return fetched.error();
  }
  done.top = top_of(*image);
  done.state = same ? sync_state::unchanged : done.missing.empty() ? sync_state::copied : sync_state::partial;
  if (!same) brought_.insert_or_assign(done.target, std::move(*image));
  co_return result<void>();
}

task<result<std::vector<platform>>> directory_sync::try_platforms(sync_part& part, pinned_source& from, const planned_sync& one,
                                                                  synced_image& done) {
  std::vector<platform> there;
  std::optional<failure> first;
  for (const platform& wanted : one.entry->platforms) {
    const auto time = time_of(*one.entry, wanted);
    sync_part each(part.shared, *part.running, std::nullopt, time);
    const std::vector<platform> alone(1, wanted);
    const auto found = co_await look(each, from, done.target, alone, false);
    result<void> came = result<void>();
    if (!found) came = found.error();
    if (found && time && !options_.dry_run) came = co_await fetch(each, from, one.source, alone);
    if (came) {
      there.push_back(wanted);
      continue;
    }
    failure why = came.error();
    if (each.timed_out()) why = too_late(fmt::format("{} of {}", to_string(wanted), done.source.string()), *time);
    if (!options_.allow_partial || !(each.timed_out() || why.code == errc::platform_not_found)) co_return why;
    if (!first) first = std::move(why);
    done.missing.push_back(wanted);
  }
  if (there.empty()) co_return *first;
  co_return there;
}

task<> directory_sync::count(const pinned_source& from, const archive::archived_image& image) {
  std::vector<descriptor> blobs;
  for (const archive::archived_manifest& one : image.manifests) {
    if (one.config && counted_.insert(one.config->digest).second) blobs.push_back(*one.config);
    for (const descriptor& layer : one.layers) {
      if (counted_.insert(layer.digest).second) blobs.push_back(layer);
    }
  }
  auto tally = [documents = from.documents, blobs = std::move(blobs)] {
    upload_counts counts;
    for (const descriptor& blob : blobs) {
      ++counts.blobs;
      counts.bytes += blob.size;
      const bool held = documents->holds(blob);
      counts.blobs_present += held ? 1 : 0;
      counts.blobs_uploaded += held ? 0 : 1;
      counts.bytes_uploaded += held ? 0 : blob.size;
    }
    return counts;
  };
  const upload_counts counts = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(tally));
  add_counts(counts_, counts);
}

task<result<void>> directory_sync::fetch(sync_part& part, const pinned_source& from, reference source, std::vector<platform> platforms) {
  pull_options wanted;
  wanted.all_platforms = platforms.empty();
  wanted.platforms = std::move(platforms);
  if (from.name != source) wanted.name = std::move(source);
  std::vector<reference> images(1, from.name);
  std::shared_ptr<store::document_store> documents = from.documents;
  const auto pulled = co_await pull(part.shared, part.running, store_, std::move(images), std::move(wanted), sync_, std::move(documents));
  if (!pulled) co_return pulled.error();
  upload_counts counts;
  counts.blobs = pulled->blobs;
  counts.bytes = pulled->bytes;
  counts.blobs_present = pulled->blobs_reused;
  counts.blobs_uploaded = pulled->blobs - pulled->blobs_reused;
  counts.bytes_uploaded = pulled->bytes - pulled->bytes_reused;
  add_counts(counts_, counts);
  co_return result<void>();
}

directory_sync::planned_content directory_sync::plan_content(const std::vector<reference>& names) const {
  planned_content made;
  made.blobs = std::make_shared<store_and_directory>(store_, there_.blobs);
  std::size_t kept = 0;
  for (const reference& name : names) {
    const auto came = brought_.find(name);
    const auto known = there_.named.find(name);
    if (came == brought_.end() && known == there_.named.end()) continue;  // it failed, and was not there before
    if (came == brought_.end()) ++kept;
    made.images.push_back(came == brought_.end() ? known->second : came->second);
  }
  // Of a list that becomes one image it does not get another name.
  for (archive::archived_image& one : made.images) one.full_names = true;
  // Nothing new, and nothing to be dropped.
  if (kept == made.images.size() && kept == there_.named.size() && there_.nameless.empty()) made.images.clear();
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
  planned_content content = plan_content(names);
  if (content.images.empty()) co_return result<void>();
  std::shared_ptr<model::blob_source> blobs = content.blobs;
  export_choices how;
  how.takes_over = !options_.force_upload;
  auto prepare = [path = directory(), store = store_, content = std::move(content), how]() -> result<archive_export> {
    archive_file file;
    file.path = path;
    file.format = archive_format::oci_dir;
    return archive_export::prepare(output(file), content.images, store->root(), {}, false, how);
  };
  auto ready = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(prepare));
  if (!ready) co_return ready.error();
  const auto written = co_await archive_export::write_from(shared_, running_, std::move(blobs), std::move(*ready), sync_);
  if (!written) co_return written.error();
  dropped_ = unwanted_;
  co_return result<void>();
}

}  // namespace gantry::jobs
