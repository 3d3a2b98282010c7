#include "jobs/copy.hpp"

#include "jobs/export.hpp"
#include "jobs/lookup.hpp"
#include "jobs/push.hpp"
#include "jobs/record.hpp"
#include "jobs/referrers.hpp"
#include "jobs/resolve.hpp"
#include "jobs/run_order.hpp"
#include "jobs/sync_part.hpp"
#include "jobs/sync_plan.hpp"
#include "model/manifest.hpp"
#include "registry/manifest_requests.hpp"
#include "runtime/task_group.hpp"
#include "store/memory_documents.hpp"
#include "transfer/fan_out.hpp"
#include "transfer/fetcher.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <set>
#include <utility>
#include <variant>

namespace gantry::jobs {
namespace {

// Images under way at once to one registry; their blobs share the engine's connections whatever this is.
constexpr std::size_t copies_at_once = 4;
// A signature of an SBOM of an image is the third.
constexpr unsigned referrer_depth = 4;
constexpr std::array<const char*, 3> cosign_suffixes = {".sig", ".att", ".sbom"};

class relayed_blob final : public blob_feed {
 public:
  /// \param fan may be null
  relayed_blob(std::shared_ptr<transfer::fan_reader> through, std::shared_ptr<fan_group> fan, std::string registry, descriptor blob)
      : through_(std::move(through)), fan_(std::move(fan)), registry_(std::move(registry)), blob_(std::move(blob)) {}

  task<result<void>> prepare() override {
    if (fan_) co_await fan_->gather(registry_, blob_, through_);
    co_return result<void>();
  }
  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return through_->open(offset, length, std::move(progress));
  }
  void rest() override { through_->rest(); }
  std::optional<failure> broken() const override { return through_->broken(); }
  bool try_elsewhere() override { return through_->try_elsewhere(); }

 private:
  std::shared_ptr<transfer::fan_reader> through_;
  std::shared_ptr<fan_group> fan_;
  std::string registry_;
  descriptor blob_;
};

std::shared_ptr<upload_feed> feed_from(transfer::context& shared, transfer::operation& running,
                                       std::shared_ptr<store::content_store> store) {
  loaded_source held;
  held.blobs = std::move(store);
  return stored_feed(shared, running, held);
}

/// Without the digest that a tag was found to be.
reference as_asked(const reference& source) { return source.tag().empty() ? source : source.with_digest({}); }

/// A blob that is fetched into the store first, and sent from there.
class cached_blob final : public blob_feed {
 public:
  cached_blob(transfer::context& shared, transfer::operation& running, reference source, std::shared_ptr<store::content_store> store,
              const planned_blob& one)
      : shared_(shared), running_(running), store_(std::move(store)), sent_(feed_from(shared, running, store_)->blob(one)) {
    wanted_.push_back({std::move(source), one.blob, one.role});
  }

  task<result<void>> prepare() override {
    // Of the two ways the blob takes the upload is the one that is shown.
    transfer::event_emitter quiet([this](const event& what) { pass_on(what); }, {});
    transfer::operation fetching(std::move(quiet), running_.moved());
    const runtime::stop_source::registration stopping(running_.stop, [&fetching] { fetching.request_stop(); });
    const auto fetched = co_await transfer::fetch_all(shared_, fetching, store_, wanted_);
    if (!fetched) co_return fetched.error();
    co_return result<void>();
  }
  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return sent_->open(offset, length, std::move(progress));
  }

 private:
  void pass_on(const event& what) {
    running_.note_answer();
    if (std::holds_alternative<retry_scheduled>(what) || std::holds_alternative<waiting>(what) || std::holds_alternative<warning>(what) ||
        std::holds_alternative<segment_finished>(what) || std::holds_alternative<concurrency_changed>(what) ||
        std::holds_alternative<transfer_progress>(what)) {
      running_.events.pass_on(what);
    }
  }

  transfer::context& shared_;
  transfer::operation& running_;
  std::shared_ptr<store::content_store> store_;
  std::unique_ptr<blob_feed> sent_;
  std::vector<transfer::wanted_blob> wanted_;
};

/// What one image of a registry is made of. Manifests were read before; blobs pass through.
class relayed_feed final : public upload_feed {
 public:
  relayed_feed(transfer::context& shared, transfer::operation& running, reference source, std::shared_ptr<store::document_store> documents,
               std::shared_ptr<store::content_store> cache, std::shared_ptr<fan_group> fan)
      : shared_(shared),
        running_(running),
        source_(std::move(source)),
        documents_(std::move(documents)),
        cache_(std::move(cache)),
        fan_(std::move(fan)) {}

  std::unique_ptr<blob_feed> blob(const planned_blob& one) override {
    if (cache_) return std::make_unique<cached_blob>(shared_, running_, source_, cache_, one);
    auto through = std::make_shared<transfer::fan_reader>(shared_, running_, source_, one.blob);
    return std::make_unique<relayed_blob>(std::move(through), fan_, one.registry, one.blob);
  }
  void settle(const planned_blob& one) override {
    if (fan_) fan_->settle(one.registry, one.blob.digest);
  }
  task<result<std::string>> document(descriptor one) override { co_return documents_->read(one, model::document_limit); }
  unsigned connections() const override { return cache_ ? 0 : 1; }

 private:
  transfer::context& shared_;
  transfer::operation& running_;
  reference source_;
  std::shared_ptr<store::document_store> documents_;
  std::shared_ptr<store::content_store> cache_;  ///< what passes stays there; null: it passes through memory
  std::shared_ptr<fan_group> fan_;
};

/// One copy of a list.
struct listed_copy {
  reference source;
  reference target;
  std::shared_ptr<fan_group> fan;  ///< of the same source, to several registries
};

/// The copies of one call.
class copy_list {
 public:
  copy_list(transfer::context& shared, transfer::operation& running, upload_settings settings, copy_run::choice wanted,
            std::vector<listed_copy> listed)
      : shared_(shared),
        running_(running),
        settings_(std::move(settings)),
        wanted_(std::move(wanted)),
        listed_(std::move(listed)),
        order_([&shared](const std::string& registry) { return shared.registry.last_answer(registry); }, copies_at_once,
               shared.retry.budget * 9 / 10) {
    for (const listed_copy& one : listed_) order_.add(ends_of(one));
  }

  task<copy_result> run() {
    {
      runtime::task_group group(shared_.executor);
      for (std::size_t i = order_.workers(); i > 0; --i) group.spawn(carry());
      co_await group.join();
    }
    const auto by_target = [](const auto& a, const auto& b) { return a.target < b.target; };
    std::sort(done_.images.begin(), done_.images.end(), by_target);
    std::sort(done_.failed.begin(), done_.failed.end(), by_target);
    co_return std::move(done_);
  }

 private:
  run_order::ends ends_of(const listed_copy& one) const { return {shared_.registry.places_of(one.source), one.target.registry()}; }

  task<> carry() {
    for (;;) {
      const std::optional<run_order::turn> mine = co_await order_.next(running_.stop);
      if (!mine) co_return;
      const listed_copy one = std::move(listed_[mine->index()]);
      const run_order::ends ends = ends_of(one);
      if (const std::optional<failure> gone = order_.given_up(ends)) {
        done_.failed.push_back({one.source, one.target, gone->code, gone->text.message()});
        continue;
      }
      // What one waits for is not what another gets.
      sync_part part(shared_, running_, std::nullopt, std::nullopt);
      copy_run run(part.shared, *part.running, settings_, ledger_);
      copy_run::choice wanted = wanted_;
      wanted.fan = one.fan;
      auto copied = co_await run.copy(one.source, one.target, std::move(wanted));
      part.running->events.flush();
      add_counts(done_, run.counts());
      if (copied) {
        order_.succeeded(ends);
        done_.images.push_back(std::move(*copied));
      } else {
        order_.failed(ends, one.target.string(), copied.error());
        done_.failed.push_back({one.source, one.target, copied.error().code, copied.error().text.message()});
      }
    }
  }

  transfer::context& shared_;
  transfer::operation& running_;
  upload_settings settings_;
  copy_run::choice wanted_;
  std::vector<listed_copy> listed_;
  std::shared_ptr<upload_ledger> ledger_ = std::make_shared<upload_ledger>();
  run_order order_;
  copy_result done_;
};

/// \p source to every target.
void list_targets(transfer::context& shared, transfer::operation& running, const reference& source, const std::vector<reference>& targets,
                  const fan_group::late_registries& late, std::vector<listed_copy>& listed) {
  std::set<std::string> registries;
  for (const reference& target : targets) registries.insert(target.registry());
  std::shared_ptr<fan_group> fan;
  if (registries.size() > 1) fan = std::make_shared<fan_group>(shared, running, source, late);
  for (const reference& target : targets) listed.push_back({source, target, fan});
}

/// Every tag of the source's repository, to every target.
task<result<std::vector<listed_copy>>> list_copies(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                   reference source, std::vector<reference> targets, const copy_options& options) {
  std::vector<listed_copy> listed;
  const auto late = std::make_shared<std::set<std::string>>();
  if (!options.all_tags) {
    list_targets(shared, *running, source, targets, late, listed);
    co_return listed;
  }
  tags_options every;
  const auto tags = co_await list_tags(shared, running, source, std::move(every));
  if (!tags) co_return tags.error();
  for (const std::string& tag : tags->tags) {
    // What hangs on an image by its tag is of no platform: with a choice it goes along where referrers are asked for, else not.
    if (!options.platforms.empty() && tag_subject(tag)) continue;
    std::vector<reference> tagged;
    for (const reference& target : targets) tagged.push_back(target.with_digest({}).with_tag(tag));
    list_targets(shared, *running, source.with_digest({}).with_tag(tag), tagged, late, listed);
  }
  co_return listed;
}

}  // namespace

task<result<bool>> copy_run::is_unchanged(reference source, reference target, descriptor& top) {
  auto ask = [this, source] { return registry::head_manifest(shared_.registry, source, running_.stop); };
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(shared_, running_, "manifest of " + source.familiar(), ask);
  if (!found) co_return found.error();
  if (!*found) co_return false;
  top = **found;
  co_return co_await names_already(shared_, running_, target, top.digest);
}

task<result<copied_image>> copy_run::copy(reference source, reference target, choice wanted) {
  const fan_group::member taking_part(wanted.fan, target.registry());
  // What is written has the digest of the source only when it is the whole of it.
  const bool comparable = wanted.platforms.empty() && !settings_.force_upload && !wanted.changed;
  // Who looks for referrers needs to know the manifests, unchanged or not.
  if (comparable && !wanted.referrers) {
    descriptor top;
    const auto same = co_await is_unchanged(source, target, top);
    if (!same) co_return same.error();
    if (*same) {
      running_.events.emit(image_resolved{as_asked(source), top, 0});
      copied_image there;
      there.source = std::move(source);
      there.target = std::move(target);
      there.top = std::move(top);
      there.unchanged = true;
      co_return there;
    }
  }
  const bool changed = wanted.changed || (comparable && !wanted.referrers);
  co_return co_await copy_content(std::move(source), std::move(target), std::move(wanted), changed, 0);
}

task<result<copied_image>> copy_run::copy_content(reference source, reference target, choice wanted, bool changed, unsigned depth) {
  std::shared_ptr<store::document_store> documents = settings_.cache;
  if (!documents) documents = std::make_shared<store::memory_documents>();
  resolver names(shared_, running_, documents);
  platform_choice platforms;
  platforms.platforms = wanted.platforms;
  platforms.all = wanted.platforms.empty();
  platforms.opaque = true;
  platforms.nameless = settings_.cache == nullptr;  // the store's names say what they hold
  const auto resolved = co_await names.resolve(source, std::move(platforms));
  if (!resolved) co_return resolved.error();
  running_.events.emit(image_resolved{as_asked(source), resolved->top, resolved->manifests.size() + resolved->opaque.size()});

  push_options options;
  options.platforms = wanted.platforms;
  options.as_index = wanted.as_index;
  std::map<digest, index_facts> facts;
  if (!wanted.platforms.empty()) {
    const auto bytes = documents->read(resolved->top, model::document_limit);
    if (!bytes) co_return bytes.error();
    facts.emplace(resolved->top.digest, facts_of(*bytes, resolved->top));
  }
  std::vector<archive::archived_image> images(1, archived(*resolved));
  for (const descriptor& one : resolved->opaque) images.front().manifests.emplace_back().manifest = one;
  auto plan = plan_push(images, push_target(target), options, facts);
  if (!plan) co_return plan.error();
  plan->images.front().changed = changed;
  if (source.registry() == target.registry()) {
    mount_hints hints;
    add_hints(hints, images.front(), source.repository());
    ledger_->add(target.registry(), hints);
  }
  std::vector<digest> subjects;
  if (wanted.referrers) {
    if (plan->images.front().top.digest == resolved->top.digest) subjects.push_back(resolved->top.digest);
    for (const resolved_manifest& one : resolved->manifests) {
      if (!one.attestation && one.entry.digest != resolved->top.digest) subjects.push_back(one.entry.digest);
    }
  }
  auto feed = std::make_shared<relayed_feed>(shared_, running_, source, documents, settings_.cache, wanted.fan);
  auto moved = co_await upload(shared_, running_, *ledger_, std::move(feed), settings_, std::move(*plan));
  if (!moved) co_return moved.error();
  add_counts(counts_, moved->counts);
  if (settings_.cache && !settings_.dry_run) {
    const result<void> noted = co_await note_in_cache(*resolved);
    if (!noted) co_return noted.error();
  }
  copied_image done;
  if (!subjects.empty()) {
    const auto found = co_await copy_referrers(source, target, std::move(subjects), depth);
    if (!found) co_return found.error();
    done.referrers = *found;
  }
  done.source = std::move(source);
  done.target = std::move(target);
  done.top = moved->images.front().top;
  done.unchanged = moved->images.front().unchanged;
  co_return done;
}

task<result<void>> copy_run::note_in_cache(resolved_image image) {
  auto look = [store = settings_.cache, image] {
    const auto there = [&](const descriptor& blob) { return store->holds(blob); };
    return std::all_of(image.manifests.begin(), image.manifests.end(), [&](const resolved_manifest& one) {
      const std::vector<descriptor>& layers = one.content.layers;
      return there(one.content.config) && std::all_of(layers.begin(), layers.end(), there);
    });
  };
  // What the target had was not fetched; the name is for whole images.
  const bool whole = co_await runtime::offload(shared_.lanes, runtime::lane::files, std::move(look));
  if (!whole || !image.opaque.empty()) co_return result<void>();
  std::vector<store::reference_record> records = records_of(std::vector<resolved_image>(1, std::move(image)));
  co_return co_await record(shared_, running_, settings_.cache, std::move(records));
}

task<result<std::size_t>> copy_run::copy_cosign_tags(reference source, reference target, digest subject, unsigned depth) {
  std::size_t count = 0;
  for (const char* const kind : cosign_suffixes) {
    const std::string tag = model::referrers_tag(subject.string()) + kind;
    const reference from = source.with_digest({}).with_tag(tag);
    const reference to = target.with_digest({}).with_tag(tag);
    choice everything;
    auto copied = co_await copy(from, to, std::move(everything));
    if (!copied && copied.error().code == errc::not_found) continue;
    if (!copied) co_return copied.error();
    ++count;
    // Nothing hangs on a signature.
    if (depth == referrer_depth || kind == cosign_suffixes.front()) continue;
    const auto nested = co_await copy_cosign_tags(source, target, copied->top.digest, depth + 1);
    if (!nested) co_return nested.error();
    count += *nested;
  }
  co_return count;
}

task<result<std::size_t>> copy_run::copy_referrers(reference source, reference target, std::vector<digest> subjects, unsigned depth) {
  std::size_t count = 0;
  for (const digest& subject : subjects) {
    const auto tagged = co_await copy_cosign_tags(source, target, subject, depth);
    if (!tagged) co_return tagged.error();
    count += *tagged;
    const auto wanted = co_await find_referrers(shared_, running_, source, subject, registry::precedence::registry_first);
    if (!wanted) co_return wanted.error();
    if (wanted->empty()) continue;
    if (depth == referrer_depth) {
      co_return failure(errc::limit_exceeded,
                        fmt::format("manifests of {} refer to each other more than {} times over", source.name(), referrer_depth));
    }
    const auto there = co_await find_referrers(shared_, running_, target, subject, registry::precedence::registry_alone);
    // A repository that does not exist yet may answer like one that must not be read.
    if (!there && there.error().code != condition::not_authorised) co_return there.error();
    for (const descriptor& one : *wanted) {
      const auto same = [&](const descriptor& other) { return other.digest == one.digest; };
      const bool listed = there && std::any_of(there->begin(), there->end(), same);
      const reference from = source.with_tag({}).with_digest(one.digest);
      const reference to = target.with_tag({}).with_digest(one.digest);
      choice nested;
      nested.referrers = true;
      // Written again when it is not listed: the registry may have the manifest without knowing whom it refers to.
      auto copied = co_await copy_content(from, to, std::move(nested), !listed, depth + 1);
      if (!copied) co_return copied.error();
      count += 1 + copied->referrers;
    }
  }
  co_return count;
}

task<result<copy_result>> copy(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<upload_sessions> sessions, std::shared_ptr<store::content_store> cache, reference source,
                               std::vector<reference> targets, copy_options options) {
  const auto started = std::chrono::steady_clock::now();
  auto listed = co_await list_copies(shared, running, std::move(source), std::move(targets), options);
  if (!listed) co_return listed.error();
  if (listed->empty()) co_return failure(errc::not_found, "there is nothing to copy: the repository has no tags");

  upload_settings settings;
  settings.force_upload = options.force_upload;
  settings.dry_run = options.dry_run;
  settings.sessions = std::move(sessions);
  settings.cache = std::move(cache);
  copy_run::choice wanted;
  wanted.platforms = options.platforms;
  wanted.referrers = options.referrers;
  copy_result done;
  if (listed->size() == 1) {
    copy_run run(shared, *running, settings);
    auto copied = co_await run.copy(listed->front().source, listed->front().target, std::move(wanted));
    if (!copied) co_return copied.error();
    done.images.push_back(std::move(*copied));
    add_counts(done, run.counts());
  } else {
    copy_list all(shared, *running, std::move(settings), std::move(wanted), std::move(*listed));
    done = co_await all.run();
    if (running->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  }
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace gantry::jobs
