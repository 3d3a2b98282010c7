#include "jobs/push.hpp"

#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "jobs/push_plan.hpp"
#include "model/manifest.hpp"
#include "registry/blob_upload.hpp"
#include "registry/manifest_requests.hpp"
#include "runtime/task_group.hpp"
#include "transfer/upload_body.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

// As many as skopeo and crane send at once, when nobody says otherwise: uploads gain less from more than downloads do.
constexpr unsigned usual_uploads = 8;

/// What is pushed: documents that were read, and where blobs come from.
struct loaded_source {
  std::vector<archive::archived_image> images;
  std::shared_ptr<model::blob_source> blobs;
};

/// Blocking.
result<loaded_source> load_stored(std::shared_ptr<store::content_store> store, const reference& image) {
  const auto record = store->find_reference(image);
  if (!record) return record.error();
  if (!*record) {
    return failure(errc::not_found,
                   fmt::format("{} is not in the store; fetch it with 'gantry pull --store-only', or name an archive", image.string()));
  }
  std::set<digest> held;
  for (const descriptor& one : (*record)->manifests) held.insert(one.digest);
  auto tree = archive::read_image(*store, (*record)->top, std::vector<reference>(1, image), held);
  if (!tree) return tree.error();
  loaded_source loaded;
  loaded.images.push_back(std::move(*tree));
  loaded.blobs = std::move(store);
  return loaded;
}

/// Blocking.
result<loaded_source> load_file(std::shared_ptr<store::content_store> store, const std::filesystem::path& path,
                                const std::atomic<bool>& stop) {
  archive::source_options how;
  how.elsewhere = store.get();
  how.into = store;  // what can only be read once is kept there
  auto opened = archive::open_image_source(path, how, stop);
  if (!opened) return opened.error();
  // The source asks the store for what it lacks: both live as long as either is used.
  struct kept final : model::blob_source {
    std::unique_ptr<archive::image_source> source;
    std::shared_ptr<store::content_store> store;
    result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override { return source->open(blob); }
  };
  auto blobs = std::make_shared<kept>();
  blobs->store = std::move(store);
  blobs->source = std::move(*opened);
  loaded_source loaded;
  for (const archive::source_image& one : blobs->source->images()) loaded.images.push_back(one.content);
  loaded.blobs = std::move(blobs);
  return loaded;
}

/// Repositories of the target's registry in which the store's records say that blobs are. Blocking; a record that cannot be read hints at
/// nothing.
mount_hints hints_of(store::content_store& store, const std::string& registry) {
  constexpr std::size_t most_records = 200;
  mount_hints hints;
  const auto records = store.list_references();
  if (!records) return hints;
  std::size_t read = 0;
  for (const store::reference_record& one : *records) {
    if (one.name.registry() != registry || ++read > most_records) continue;
    std::set<digest> held;
    for (const descriptor& manifest : one.manifests) held.insert(manifest.digest);
    const auto tree = archive::read_image(store, one.top, std::vector<reference>(), held);
    if (tree) add_hints(hints, *tree, one.name.repository());
  }
  return hints;
}

/// Carries out one plan.
class pusher {
 public:
  pusher(transfer::context& shared, transfer::operation& running, std::shared_ptr<model::blob_source> blobs, push_options options)
      : shared_(shared), running_(running), blobs_(std::move(blobs)), options_(std::move(options)) {}

  task<result<push_result>> run(push_plan plan, mount_hints hints);

 private:
  task<result<bool>> names_already(const planned_image& image);
  task<> carry();
  task<result<void>> move_blob(planned_blob one);
  task<result<void>> upload(planned_blob one);
  task<result<void>> write(const planned_image& image);
  std::string mount_candidate(const planned_blob& one) const;

  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<model::blob_source> blobs_;
  push_options options_;
  mount_hints hints_;
  std::vector<planned_blob> waiting_;  ///< the next one last
  std::optional<failure> broken_;
  push_result done_;
};

task<result<bool>> pusher::names_already(const planned_image& image) {
  const reference target = image.target;
  auto ask = [this, target] { return registry::head_manifest(shared_.registry, target, running_.stop); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared_, running_, "manifest of " + target.familiar(), ask);
  if (found) co_return *found && (*found)->digest == image.top.digest;
  // A new repository answers like one that may not be read: writing shows which it is.
  if (found.error().code == errc::not_found || found.error().code == condition::not_authorised) co_return false;
  co_return found.error();
}

std::string pusher::mount_candidate(const planned_blob& one) const {
  const auto known = hints_.find(one.blob.digest);
  if (known == hints_.end()) return {};
  for (const std::string& repository : known->second) {
    if (repository != one.repository) return repository;
  }
  return {};
}

task<result<void>> pusher::upload(planned_blob one) {
  const std::string mount_from = options_.force_upload ? std::string() : mount_candidate(one);
  const digest id = one.blob.digest;
  std::uint64_t sent = 0;
  auto progress = [this, id, &sent](std::int64_t bytes) {
    sent = static_cast<std::uint64_t>(static_cast<std::int64_t>(sent) + bytes);
    if (bytes > 0) running_.received(static_cast<std::uint64_t>(bytes));
    running_.events.progress(id, sent);
  };
  registry::body_opener open = [this, blob = one.blob, &sent, progress](std::uint64_t offset, std::uint64_t length) {
    sent = offset;
    return std::make_unique<transfer::upload_body>(shared_.lanes, shared_.buffers, running_.stop, blobs_, blob, offset, length, progress);
  };
  registry::blob_upload::target where;
  where.registry = one.registry;
  where.repository = one.repository;
  where.blob = one.blob;
  where.mount_from = mount_from;
  registry::blob_upload moving(shared_.registry, std::move(where), std::move(open));
  running_.events.emit(blob_started{id, one.blob.size, 0, one.role});

  transfer::retry_policy policy(shared_.retry, transfer::jitter_seed());
  const std::string object = std::string(id.short_form());
  for (;;) {
    const std::uint64_t before = sent;
    runtime::semaphore::permit permit = co_await shared_.connections.acquire(1, running_.stop);
    if (!permit) co_return failure(errc::cancelled, "stopped");
    const result<void> tried = co_await moving.attempt(running_.stop);
    permit.reset();
    if (tried) break;
    const std::uint64_t progressed = sent > before ? sent - before : 0;
    std::optional<failure> last = co_await transfer::back_off(running_, policy, object, tried.error(), progressed);
    if (last) co_return std::move(*last);
  }
  running_.note_answer();
  if (moving.plan().mounted()) {
    ++done_.blobs_mounted;
  } else {
    ++done_.blobs_uploaded;
    done_.bytes_uploaded += one.blob.size;
  }
  running_.events.emit(blob_finished{id, one.blob.size, moving.plan().mounted()});
  co_return result<void>();
}

task<result<void>> pusher::move_blob(planned_blob one) {
  if (!options_.force_upload) {
    auto ask = [this, &one] { return registry::has_blob(shared_.registry, one.registry, one.repository, one.blob, running_.stop); };
    const std::string object = "blob " + std::string(one.blob.digest.short_form());
    const auto there = co_await transfer::with_retry<bool>(shared_, running_, object, ask);
    if (!there) co_return there.error();
    if (*there) {
      ++done_.blobs_present;
      running_.events.emit(blob_finished{one.blob.digest, one.blob.size, true});
      hints_[one.blob.digest].push_back(one.repository);
      co_return result<void>();
    }
  }
  if (options_.dry_run) {
    ++done_.blobs_uploaded;
    done_.bytes_uploaded += one.blob.size;
    co_return result<void>();
  }
  const result<void> moved = co_await upload(one);
  if (moved) hints_[one.blob.digest].push_back(one.repository);
  co_return moved;
}

task<> pusher::carry() {
  while (!waiting_.empty() && !broken_) {
    const planned_blob one = std::move(waiting_.back());
    waiting_.pop_back();
    const result<void> moved = co_await move_blob(one);
    if (!moved && !broken_) broken_ = moved.error();
  }
}

task<result<void>> pusher::write(const planned_image& image) {
  for (const planned_manifest& one : image.manifests) {
    std::string bytes = one.bytes;
    if (bytes.empty()) {
      auto read = [blobs = blobs_, document = one.document] {
        return archive::read_blob(*blobs, document, model::document_limit, "the manifest " + std::string(document.digest.short_form()));
      };
      auto got = co_await offload(shared_.lanes, lane::files, std::move(read));
      if (!got) co_return got.error();
      bytes = std::move(*got);
    }
    auto ask = [this, &one, &bytes]() -> task<result<bool>> {
      const result<void> put = co_await registry::put_manifest(shared_.registry, one.name, one.document, bytes, running_.stop);
      if (!put) co_return put.error();
      co_return true;
    };
    const auto put = co_await transfer::with_retry<bool>(shared_, running_, "manifest of " + one.name.familiar(), ask);
    if (!put) co_return put.error();
  }
  co_return result<void>();
}

task<result<push_result>> pusher::run(push_plan plan, mount_hints hints) {
  hints_ = std::move(hints);
  std::set<std::pair<std::string, std::string>> repositories;  // of images that are not there yet
  std::vector<planned_image> changed;
  for (planned_image& image : plan.images) {
    bool same = false;
    if (!options_.force_upload) {
      const auto found = co_await names_already(image);
      if (!found) co_return found.error();
      same = *found;
    }
    done_.images.push_back({image.source, image.target, image.top, same});
    if (same) continue;
    repositories.emplace(image.target.registry(), image.target.repository());
    changed.push_back(std::move(image));
  }
  transfer_planned planned;
  for (planned_blob& one : plan.blobs) {
    ++done_.blobs;
    done_.bytes += one.blob.size;
    if (!repositories.contains({one.registry, one.repository})) {
      ++done_.blobs_present;
      continue;
    }
    ++planned.blobs;
    planned.bytes += one.blob.size;
    waiting_.push_back(std::move(one));
  }
  std::reverse(waiting_.begin(), waiting_.end());
  running_.events.emit(planned);

  {
    runtime::task_group group(shared_.executor);
    const std::size_t most = shared_.adaptive ? std::min(usual_uploads, shared_.jobs) : shared_.jobs;
    const std::size_t workers = std::min<std::size_t>(most, waiting_.size());
    for (std::size_t i = 0; i < workers; ++i) group.spawn(carry());
    co_await group.join();
  }
  if (broken_) co_return *broken_;
  if (!options_.dry_run) {
    for (const planned_image& image : changed) {
      const result<void> written = co_await write(image);
      if (!written) co_return written.error();
    }
  }
  running_.events.flush();
  co_return std::move(done_);
}

}  // namespace

task<result<push_result>> push(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, push_source source, push_target target, push_options options) {
  const auto started = std::chrono::steady_clock::now();
  auto load = [store, source = std::move(source), running]() -> result<loaded_source> {
    if (const auto* named = std::get_if<reference>(&source)) return load_stored(store, *named);
    return load_file(store, std::get<std::filesystem::path>(source), running->stop_flag());
  };
  auto loaded = co_await offload(shared.lanes, lane::files, std::move(load));
  if (!loaded) co_return loaded.error();
  if (std::holds_alternative<reference>(target) && loaded->images.size() > 1) {
    co_return failure(errc::invalid_option,
                      fmt::format("the source holds {} images and {} is one name; end the target in / to push them all below it",
                                  loaded->images.size(), std::get<reference>(target).string()));
  }
  auto plan = plan_push(loaded->images, target, options);
  if (!plan) co_return plan.error();
  if (plan->images.empty()) co_return failure(errc::not_found, "the source holds no image");

  const std::string registry = plan->images.front().target.registry();
  auto hint = [store, registry] { return hints_of(*store, registry); };
  mount_hints hints = co_await offload(shared.lanes, lane::files, std::move(hint));
  pusher moving(shared, *running, loaded->blobs, std::move(options));
  auto done = co_await moving.run(std::move(*plan), std::move(hints));
  if (done) done->elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  co_return done;
}

}  // namespace gantry::jobs
