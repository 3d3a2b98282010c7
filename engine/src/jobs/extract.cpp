#include "jobs/extract.hpp"

#include "archive/image_source.hpp"
#include "jobs/extract_names.hpp"
#include "jobs/extract_plan.hpp"
#include "jobs/forget.hpp"
#include "jobs/keep.hpp"
#include "jobs/record.hpp"
#include "jobs/stored_size.hpp"
#include "jobs/tell_waiting.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// Blobs that are hashed, inflated and written at the same time.
constexpr unsigned workers = 2;

/// An index of the store that an image of the archive joins, and what it says of that image's manifest.
struct joined_index {
  descriptor top;
  descriptor entry;
};

/// What an extract works with once its source is open.
struct opened_source {
  std::shared_ptr<archive::image_source> source;
  std::vector<std::string> refused;             ///< see name_plan
  std::vector<archive::archived_image> images;  ///< those that are taken, called what they will be called
  std::map<reference, joined_index> indexes;    ///< names that stay with an index of the store; see index_with
  std::vector<extracted_blob> blobs;
  std::string replaced;  ///< a sentence when the name that was asked for stands for something else; empty: it does not
};

/// What there is to say before \p name is given to \p top; nothing when the store has no other content under it.
std::string replaced_by(const store::content_store& store, const reference& name, const digest& top) {
  const auto record = store.find_reference(name);
  if (!record || !*record || (*record)->top.digest == top) return {};
  return fmt::format("{} was {} in the store, and is {} now", name.string(), (*record)->top.digest.string(), top.string());
}

/// The index that \p record stands for, when it names \p manifest: the archive then has one of its platforms, and no other image.
std::optional<joined_index> index_with(const store::content_store& store, const store::reference_record& record, const digest& manifest) {
  if (!model::is_index(record.top.media_type)) return std::nullopt;
  const result<std::string> bytes = store.read(record.top, model::document_limit);
  if (!bytes) return std::nullopt;
  const result<model::document> parsed = model::parse_document(*bytes, record.top.media_type);
  const auto* index = parsed ? std::get_if<model::index>(&*parsed) : nullptr;
  if (index == nullptr) return std::nullopt;
  const auto entry =
      std::find_if(index->manifests.begin(), index->manifests.end(), [&manifest](const descriptor& one) { return one.digest == manifest; });
  if (entry == index->manifests.end()) return std::nullopt;
  return joined_index{record.top, *entry};
}

/// Everything before the first blob is moved, out of line. Blocking.
/// \param added see archive::source_options
result<opened_source> open(const archive_input& from, const extract_options& options, const std::shared_ptr<store::content_store>& store,
                           std::set<digest>& added, const std::atomic<bool>& stop, std::function<void(const std::string&)> tell) {
  archive::source_options how;
  how.tell = std::move(tell);
  how.elsewhere = store.get();
  how.into = store;
  how.added = &added;
  result<std::unique_ptr<archive::image_source>> opened = archive::open_image_source(from, how, stop);
  if (!opened) return opened.error();
  opened_source made;
  made.source = std::move(*opened);
  const std::string label = archive::source_name(from);
  const auto held = [&](const reference& name) {
    const auto record = store->find_reference(name);
    if (!record || !*record) return digest();
    for (const archive::source_image& image : made.source->images()) {
      const std::vector<reference>& names = image.content.names;
      if (options.force || std::find(names.begin(), names.end(), name) == names.end()) continue;
      const std::optional<joined_index> index = index_with(*store, **record, image.content.top.digest);
      if (index) made.indexes.insert_or_assign(name, *index);
      if (index) return image.content.top.digest;
    }
    return (*record)->top.digest;
  };
  result<name_plan> names = plan_names(made.source->images(), options.name, options.force, held, label);
  if (!names) return names.error();
  made.refused = std::move(names->refused);
  for (std::size_t i = 0; i < names->names.size(); ++i) {
    if (names->names[i].empty()) continue;
    archive::archived_image& image = made.images.emplace_back(made.source->images()[i].content);
    image.names = std::move(names->names[i]);
    // A name of the archive's own would have been refused; this one somebody has written.
    if (options.name && !options.force) made.replaced = replaced_by(*store, *options.name, image.top.digest);
  }
  result<std::vector<extracted_blob>> blobs = plan_blobs(*made.source, made.images, store.get(), label);
  if (!blobs) return blobs.error();
  made.blobs = std::move(*blobs);
  return made;
}

/// The blobs that are still to be moved, shared by the workers.
struct queue {
  std::shared_ptr<archive::image_source> source;
  std::shared_ptr<store::content_store> store;
  std::vector<extracted_blob> blobs;
  std::size_t next = 0;
  std::optional<failure> failed;
};

task<> move_blobs(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<queue> jobs) {
  while (jobs->next < jobs->blobs.size() && !jobs->failed) {
    const extracted_blob one = jobs->blobs[jobs->next++];
    running->events.emit(blob_started{one.blob.digest, one.blob.size, 0, one.role});
    auto progress = [running, where = shared.executor, name = one.blob.digest](std::uint64_t done) {
      boost::asio::post(where, [running, name, done] { running->events.progress(name, done); });
    };
    auto call = [jobs, one, progress, running] { return take_blob(*jobs->source, one, *jobs->store, progress, running->stop_flag()); };
    const result<void> taken = co_await offload(shared.lanes, lane::files, std::move(call));
    if (!taken && !jobs->failed) jobs->failed = taken.error();
    if (taken) running->events.emit(blob_finished{one.blob.digest, one.blob.size, false, one.role});
  }
}

/// What \p name will stand for.
const descriptor& named_top(const opened_source& opened, const reference& name, const archive::archived_image& image) {
  const auto index = opened.indexes.find(name);
  return index == opened.indexes.end() ? image.top : index->second.top;
}

std::vector<store::reference_record> records_of(const opened_source& opened) {
  std::vector<store::reference_record> records;
  for (const archive::archived_image& image : opened.images) {
    for (const reference& name : image.names) {
      store::reference_record& record = records.emplace_back();
      record.name = name;
      record.top = named_top(opened, name, image);
      const auto joined = opened.indexes.find(name);
      for (const archive::archived_manifest& one : image.manifests) {
        // As the index has it, so that one that the record has already is known again.
        const bool listed = joined != opened.indexes.end() && joined->second.entry.digest == one.manifest.digest;
        descriptor& held = record.manifests.emplace_back(listed ? joined->second.entry : one.manifest);
        if (!held.platform && !one.platform.os.empty()) held.platform = one.platform;
      }
    }
  }
  return records;
}

task<result<extract_result>> extract_images(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                            std::shared_ptr<store::content_store> store, archive_input from, extract_options options,
                                            std::shared_ptr<std::set<digest>> added) {
  const auto started = std::chrono::steady_clock::now();
  auto begin = [from, options, store, running, added, tell = tell_waiting(shared, running)] {
    return open(from, options, store, *added, running->stop_flag(), tell);
  };
  result<opened_source> begun = co_await offload(shared.lanes, lane::files, std::move(begin));
  const std::string label = archive::source_name(from);
  if (!begun) co_return archive::of_source(label, begun.error());
  const opened_source opened = std::move(*begun);

  extract_result done;
  const blob_sums sums = sums_of(opened.blobs);
  auto jobs = std::make_shared<queue>();
  jobs->source = opened.source;
  jobs->store = store;
  for (const extracted_blob& one : opened.blobs) {
    if (one.absent) {
      running->events.emit(warning{fmt::format(
          "{} leaves out the foreign layer {}; the store does without it, and archives of the image cannot be written until it is pulled",
          label, one.blob.digest.string())});
      continue;
    }
    if (!one.held || (one.taken && one.diff_id)) jobs->blobs.push_back(one);
  }
  running->events.emit(sums.plan);
  for (const extracted_blob& one : opened.blobs) {
    if (one.held && !(one.taken && one.diff_id)) running->events.emit(blob_finished{one.blob.digest, one.blob.size, !one.taken, one.role});
  }
  runtime::task_group group(shared.executor);
  for (unsigned i = 0; i < workers; ++i) group.spawn(move_blobs(shared, running, jobs));
  co_await group.join();
  if (jobs->failed) co_return archive::of_source(label, *jobs->failed);

  const result<void> recorded = co_await record(shared, *running, store, records_of(opened));
  if (!recorded) co_return recorded.error();
  for (const extracted_blob& one : opened.blobs) added->erase(one.blob.digest);
  if (!opened.replaced.empty()) running->events.emit(warning{opened.replaced});
  for (const archive::archived_image& image : opened.images) {
    for (const reference& name : image.names) {
      archive::archived_image named = image;
      named.top = named_top(opened, name, image);
      // The result has the digest of the name, which is not the one that the archive has under it.
      if (named.top.digest != image.top.digest) {
        running->events.emit(warning{fmt::format("{} is still the index {} in the store; what {} has is its manifest {}", name.familiar(),
                                                 named.top.digest.string(), label, image.top.digest.string())});
      }
      append_described(done.images, name, named);
    }
  }
  done.refused = opened.refused;
  done.blobs = sums.plan.blobs;
  done.bytes = sums.plan.bytes;
  done.blobs_reused = sums.plan.blobs_held;
  done.bytes_reused = sums.plan.bytes_held;
  done.layers = sums.layers;
  done.layers_reused = sums.layers_held;
  done.store_size = co_await stored_size(shared, store);
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace

task<result<extract_result>> extract(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                     std::shared_ptr<store::content_store> store, archive_input from, extract_options options) {
  // Not narrowed: what a compressed archive holds is known when all of it is here.
  const result<std::shared_ptr<store::lease>> lease = co_await keep_all(shared, *running, store);
  if (!lease) co_return lease.error();
  // What the archive brought and no image of it needs: all of it, when it is none.
  const auto added = std::make_shared<std::set<digest>>();
  std::string label = archive::source_name(from);
  std::exception_ptr thrown;
  std::optional<result<extract_result>> outcome;
  try {
    outcome = co_await extract_images(shared, running, store, std::move(from), std::move(options), added);
  } catch (...) {
    thrown = std::current_exception();
  }
  co_await keep_no_longer(shared, *lease);
  if (thrown) std::rethrow_exception(thrown);
  // Who stops it wants its end, not work; and may go on with what is there.
  const bool stopped = !*outcome && outcome->error().code == errc::cancelled;
  if (!stopped) co_await forget(shared, running, store, *added, std::move(label));
  running->events.flush();
  co_return std::move(*outcome);
}

}  // namespace gantry::jobs
