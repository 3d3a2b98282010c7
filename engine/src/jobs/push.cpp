#include "jobs/push.hpp"

#include "archive/image_source.hpp"
#include "archive/image_tree.hpp"
#include "base/redact.hpp"
#include "jobs/damaged_blobs.hpp"
#include "jobs/extract_plan.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/recompress.hpp"
#include "jobs/side_by_side.hpp"
#include "jobs/target_name.hpp"
#include "jobs/tell_waiting.hpp"
#include "jobs/uploader.hpp"
#include "model/manifest.hpp"
#include "registry/blob_upload.hpp"
#include "transfer/upload_body.hpp"
#include "transfer/upload_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// Blocking.
result<loaded_source> load_stored(std::shared_ptr<store::content_store> store, const reference& image) {
  auto record = store->find_reference(image);
  if (record && !*record) record = store->find_by_content(image);
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

/// What hashes \p blob on its way. \param file where it lies, for messages; empty: the store
std::shared_ptr<transfer::upload_check> check_of(const descriptor& blob, const std::string& file) {
  const std::string id = blob.digest.string();
  if (file.empty()) {
    return std::make_shared<transfer::upload_check>(blob, fmt::format("the stored blob {} is damaged", id),
                                                    "'gantry verify --repair' fetches it again");
  }
  return std::make_shared<transfer::upload_check>(blob, fmt::format("{}: blob {} is damaged", file, id),
                                                  "write or copy the file anew; 'gantry verify' looks through the layer store");
}

/// Blobs and manifests that lie here.
class stored_blob final : public blob_feed {
 public:
  stored_blob(transfer::context& shared, transfer::operation& running, std::shared_ptr<model::blob_source> blobs, descriptor blob,
              const std::string& file)
      : shared_(shared), running_(running), blobs_(std::move(blobs)), blob_(std::move(blob)), check_(check_of(blob_, file)) {}

  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return std::make_unique<transfer::upload_body>(shared_.lanes, shared_.buffers, shared_.bandwidth, running_.stop, blobs_, blob_, offset,
                                                   length, check_, std::move(progress));
  }
  std::optional<failure> broken() const override { return check_->broken(); }

 private:
  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<model::blob_source> blobs_;
  descriptor blob_;
  std::shared_ptr<transfer::upload_check> check_;
};

class local_feed final : public upload_feed {
 public:
  local_feed(transfer::context& shared, transfer::operation& running, const loaded_source& source)
      : shared_(shared), running_(running), blobs_(source.blobs), file_(source.file) {}

  std::unique_ptr<blob_feed> blob(const planned_blob& one) override {
    return std::make_unique<stored_blob>(shared_, running_, blobs_, one.blob, file_);
  }
  task<result<std::string>> document(descriptor one) override {
    auto read = [blobs = blobs_, one] {
      return archive::read_blob(*blobs, one, model::document_limit, "the manifest " + std::string(one.digest.short_form()));
    };
    co_return co_await offload(shared_.lanes, lane::files, std::move(read));
  }

 private:
  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<model::blob_source> blobs_;
  std::string file_;
};

/// The planned blobs that \p source does not have: an archive may leave out what its receiver has. Blocking.
std::vector<planned_blob> left_out_of(model::blob_source& source, const push_plan& plan) {
  std::vector<planned_blob> lacking;
  for (const planned_blob& one : plan.blobs) {
    const auto opened = source.open(one.blob);
    if (!opened && opened.error().code == errc::not_found) lacking.push_back(one);
  }
  return lacking;
}

task<result<bool>> ask_for_blob(transfer::context& shared, transfer::operation& running, planned_blob one) {
  auto ask = [&shared, &running, one] { return registry::has_blob(shared.registry, one.registry, one.repository, one.blob, running.stop); };
  const std::string object = "blob " + std::string(one.blob.digest.short_form());
  co_return co_await transfer::with_retry<bool>(shared, running, object, ask, one.registry);
}

/// Whether the registry has \p one, in its repository or in one of \p places that it may be mounted from.
task<result<bool>> find_blob(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, planned_blob one,
                             std::vector<std::string> places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i].empty()) continue;
    planned_blob asked = one;
    asked.repository = places[i];
    const result<bool> found = co_await ask_for_blob(shared, running, asked);
    const bool elsewhere = i > 0;  // which may not be for us to read
    if (!found && (!elsewhere || found.error().code == condition::cancelled)) co_return found.error();
    if (!found || !*found) continue;
    ledger.add(one.registry, one.blob.digest, asked.repository, true);
    co_return true;
  }
  co_return false;
}

/// Whether \p why is of the repository that \p one goes to, and no other's.
bool refuses_repository(const transfer::context& shared, const planned_blob& one, const failure& why) {
  error_code ec;
  const reference where = reference::parse(one.registry + "/" + one.repository, ec).with_tag({});
  return why.code == condition::not_authorised && !refuses_account(shared, where, why);
}

/// Fails, before anything is uploaded, when a blob is neither in the source nor in the registry. \param from name of the source
/// \param several images, of which one whose repository may not be read stops no other
task<result<void>> check_complete(transfer::context& shared, transfer::operation& running, upload_ledger& ledger,
                                  std::shared_ptr<mount_memory> mounts, std::vector<planned_blob> lacking, bool force_upload,
                                  std::string from, bool several) {
  std::vector<result<bool>> there(lacking.size(), result<bool>(false));
  bool broken = false;
  std::function<task<>(std::size_t)> look = [&](std::size_t number) -> task<> {
    // What is to be sent again cannot be sent.
    if (broken || force_upload) co_return;
    const planned_blob& one = lacking[number];
    // One that can be mounted need not be sent; that it can be is looked at, for there is no other way to get it.
    std::vector<std::string> places(1, one.repository);
    if (mounts) places.push_back(mounts->find(one.registry, one.blob.digest, one.repository));
    places.push_back(ledger.other_repository(one.registry, one.blob.digest, one.repository));
    there[number] = co_await find_blob(shared, running, ledger, one, std::move(places));
    // Those that go there will meet it again.
    if (several && !there[number] && refuses_repository(shared, one, there[number].error())) there[number] = result<bool>(true);
    broken = broken || !there[number];
  };
  co_await side_by_side(shared.executor, shared.jobs, lacking.size(), std::move(look), running.stop);
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  std::vector<descriptor> nowhere;
  for (std::size_t i = 0; i < lacking.size(); ++i) {
    if (!there[i]) co_return there[i].error();
    if (!*there[i]) nowhere.push_back(lacking[i].blob);
  }
  if (nowhere.empty()) co_return result<void>();
  const bool one = nowhere.size() == 1;
  co_return failure(errc::not_found, fmt::format("{} lacks {} blob{} that {} {}; nothing was sent: {}", from, nowhere.size(),
                                                 one ? "" : "s", lacking.front().registry,
                                                 force_upload ? "is to be sent again" : "does not have either", list_blobs(nowhere)));
}

/// How messages call the source.
std::string name_of(const push_source& source) {
  if (std::holds_alternative<reference>(source)) return "the store";
  if (const auto* member = std::get_if<archive_member>(&source)) return archive::source_name(archive_input(*member));
  return archive::source_name(archive_input(std::get<std::string>(source)));
}

/// Why several images cannot go to \p target together; nothing when they can. Those without a repository of their own, which OCI layouts
/// may have, go one by one. \param layout the source as a path
std::optional<failure> cannot_go_together(const std::vector<archive::archived_image>& images, const push_target& target,
                                          const std::string& layout) {
  if (images.size() < 2) return std::nullopt;
  const auto* one_name = std::get_if<reference>(&target);
  const auto nameless = std::find_if(images.begin(), images.end(), [](const archive::archived_image& one) { return one.names.empty(); });
  if (nameless == images.end()) {
    if (one_name == nullptr) return std::nullopt;
    return failure(errc::invalid_option,
                   fmt::format("the source holds {} images and {} is one name; end the target in / to push them all below it",
                               images.size(), one_name->string()));
  }
  const bool tagged = !nameless->bare_tags.empty();
  const std::string tag = tagged ? clean_text(nameless->bare_tags.front(), 128) : "TAG";
  std::error_code ec;
  const std::string word = fmt::format("{}:{}:{}", std::filesystem::is_directory(layout, ec) ? "oci" : "oci-archive", clean_text(layout),
                                       tagged ? tag : fmt::format("@{}", nameless - images.begin()));
  if (one_name != nullptr) {
    return failure(errc::invalid_option,
                   fmt::format("the source holds {} images and {} is one name; not all of them have a repository to be kept, so push them "
                               "one by one, e.g. 'gantry push {} {}:{}'",
                               images.size(), one_name->string(), word, one_name->name(), tag));
  }
  const auto& prefix = std::get<push_prefix>(target);
  return failure(errc::invalid_option,
                 fmt::format("the image {} has {} in the source, and no repository; push such images one by one, e.g. 'gantry push {} "
                             "{}/{}{}NAME:{}'",
                             nameless->top.digest.string(), tagged ? "only the tag " + tag : "no name", word, prefix.registry, prefix.path,
                             prefix.path.empty() ? "" : "/", tag));
}

}  // namespace

result<loaded_source> load_file(std::shared_ptr<store::content_store> store, const archive_input& from, const std::atomic<bool>& stop,
                                std::function<void(const std::string&)> tell) {
  archive::source_options how;
  how.tell = std::move(tell);
  how.elsewhere = store.get();
  how.into = store;  // what can only be read once is kept there
  auto opened = archive::open_image_source(from, how, stop);
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
  loaded.file = archive::source_name(from);
  for (const archive::source_image& one : blobs->source->images()) {
    loaded.images.push_back(one.content);
    loaded.images.back().bare_tags = one.tags;
    loaded.tags.push_back(one.tags);
  }
  const result<void> checked = blobs->source->check_layers(loaded.images, stop);
  if (!checked) return archive::of_source(loaded.file, checked.error());
  loaded.blobs = std::move(blobs);
  return loaded;
}

std::shared_ptr<upload_feed> stored_feed(transfer::context& shared, transfer::operation& running, const loaded_source& source) {
  return std::make_shared<local_feed>(shared, running, source);
}

task<result<push_result>> push(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, upload_state kept, push_source source, push_target target,
                               push_options options) {
  const auto started = std::chrono::steady_clock::now();
  const std::string origin = name_of(source);
  const std::string path = std::holds_alternative<std::string>(source) ? std::get<std::string>(source) : std::string();
  auto load = [store, source = std::move(source), running, tell = tell_waiting(shared, running)]() -> result<loaded_source> {
    if (const auto* named = std::get_if<reference>(&source)) return load_stored(store, *named);
    const auto* member = std::get_if<archive_member>(&source);
    const archive_input file = member != nullptr ? archive_input(*member) : archive_input(std::get<std::string>(source));
    return load_file(store, file, running->stop_flag(), tell);
  };
  auto loaded = co_await offload(shared.lanes, lane::files, std::move(load));
  if (!loaded) co_return loaded.error();
  if (std::optional<failure> refused = cannot_go_together(loaded->images, target, path)) co_return std::move(*refused);
  std::set<digest> remade;
  if (!options.keep_compression && has_plain(loaded->images)) {
    running->events.emit(
        warning{"uncompressed layers are compressed, which gives the image another digest; its ID stays (--compress keep leaves them)"});
    const std::vector<archive::archived_image> before = loaded->images;
    auto compressed = co_await compress(shared, running, loaded->blobs, store, before, workers_of(shared));
    if (!compressed) co_return compressed.error();
    loaded->images = std::move(*compressed);
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!before[i].indexes.empty() && loaded->images[i].indexes.empty()) remade.insert(before[i].top.digest);
    }
  }
  auto plan = plan_push(loaded->images, target, options, remade);
  if (!plan) co_return plan.error();
  if (plan->images.empty()) co_return failure(errc::not_found, "the source holds no image");

  const std::string registry = plan->images.front().target.registry();
  auto hint = [store, registry] { return hints_of(*store, registry); };
  const mount_hints hints = co_await offload(shared.lanes, lane::files, std::move(hint));
  upload_ledger ledger;
  ledger.add(registry, hints);
  auto look = [blobs = loaded->blobs, wanted = *plan] { return left_out_of(*blobs, wanted); };
  std::vector<planned_blob> lacking = co_await offload(shared.lanes, lane::files, std::move(look));
  if (!lacking.empty()) {
    const bool several = plan->images.size() > 1;
    const result<void> complete =
        co_await check_complete(shared, *running, ledger, kept.mounts, std::move(lacking), options.force_upload, origin, several);
    if (!complete) co_return complete.error();
  }
  auto feed = stored_feed(shared, *running, *loaded);
  upload_settings settings;
  settings.force_upload = options.force_upload;
  settings.dry_run = options.dry_run;
  settings.names_targets = true;
  settings.kept = kept;
  std::vector<descriptor> blobs;
  for (const planned_blob& one : plan->blobs) blobs.push_back(one.blob);
  auto moved = co_await upload(shared, *running, ledger, std::move(feed), settings, std::move(*plan));
  if (!moved) co_return co_await set_damaged_aside(shared, *running, store, std::move(blobs), moved.error());
  for (push_failure& one : moved->failed) {
    if (one.code != make_error_condition(condition::integrity)) continue;
    // Once: it looks at all of them.
    failure why(one.code, one.message, one.server_message);
    failure told = co_await set_damaged_aside(shared, *running, store, std::move(blobs), std::move(why));
    one.message = told.text.message();
    break;
  }
  push_result done;
  add_counts(done, moved->counts);
  done.images = std::move(moved->images);
  done.failed = std::move(moved->failed);
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  co_return done;
}

}  // namespace gantry::jobs
