#include "jobs/copy.hpp"

#include "jobs/export.hpp"
#include "jobs/lookup.hpp"
#include "jobs/resolve.hpp"
#include "model/manifest.hpp"
#include "registry/manifest_requests.hpp"
#include "registry/referrers.hpp"
#include "runtime/task_group.hpp"
#include "store/memory_documents.hpp"
#include "transfer/relay.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <utility>

namespace gantry::jobs {
namespace {

// Images under way at once; their blobs share the engine's connections whatever this is.
constexpr std::size_t copies_at_once = 4;
// A signature of an SBOM of an image is the third.
constexpr unsigned referrer_depth = 4;
constexpr std::size_t most_referrers = 1'000;
constexpr std::array<const char*, 3> cosign_suffixes = {".sig", ".att", ".sbom"};

class relayed_blob final : public blob_feed {
 public:
  explicit relayed_blob(std::shared_ptr<transfer::relay> through) : through_(std::move(through)) {}

  std::unique_ptr<http::body_source> open(std::uint64_t offset, std::uint64_t length,
                                          transfer::upload_body::progress_handler progress) override {
    return through_->open(offset, length, std::move(progress));
  }
  void rest() override { through_->rest(); }
  std::optional<failure> broken() const override { return through_->broken(); }
  bool try_elsewhere() override { return through_->try_origin(); }

 private:
  std::shared_ptr<transfer::relay> through_;
};

/// What one image of a registry is made of. Manifests were read before; blobs pass through.
class relayed_feed final : public upload_feed {
 public:
  relayed_feed(transfer::context& shared, transfer::operation& running, reference source, std::shared_ptr<store::document_store> documents)
      : shared_(shared), running_(running), source_(std::move(source)), documents_(std::move(documents)) {}

  std::unique_ptr<blob_feed> blob(const planned_blob& one) override {
    return std::make_unique<relayed_blob>(std::make_shared<transfer::relay>(shared_, running_, source_, one.blob));
  }
  task<result<std::string>> document(descriptor one) override { co_return documents_->read(one, model::document_limit); }
  unsigned connections() const override { return 1; }

 private:
  transfer::context& shared_;
  transfer::operation& running_;
  reference source_;
  std::shared_ptr<store::document_store> documents_;
};

/// One copy of a list.
struct listed_copy {
  reference source;
  reference target;
};

/// Takes copies off \p waiting until there is none, or somebody wants to stop.
task<> carry_copies(copy_run& run, transfer::operation& running, copy_run::choice wanted, std::vector<listed_copy>& waiting,
                    copy_result& done) {
  while (!waiting.empty() && !running.stop.stop_requested()) {
    const listed_copy one = std::move(waiting.back());
    waiting.pop_back();
    auto copied = co_await run.copy(one.source, one.target, wanted);
    if (copied) {
      done.images.push_back(std::move(*copied));
    } else {
      done.failed.push_back({one.source, one.target, copied.error().code, copied.error().text.message()});
    }
  }
}

/// Every tag of the source's repository, to every target.
task<result<std::vector<listed_copy>>> list_copies(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                   reference source, std::vector<reference> targets, bool all_tags) {
  std::vector<listed_copy> listed;
  if (!all_tags) {
    for (const reference& target : targets) listed.push_back({source, target});
    co_return listed;
  }
  tags_options every;
  const auto tags = co_await list_tags(shared, running, source, std::move(every));
  if (!tags) co_return tags.error();
  for (const std::string& tag : tags->tags) {
    for (const reference& target : targets) {
      listed.push_back({source.with_digest({}).with_tag(tag), target.with_digest({}).with_tag(tag)});
    }
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
  // What is written has the digest of the source only when it is the whole of it.
  const bool comparable = wanted.platforms.empty() && !settings_.force_upload && !wanted.changed;
  // Who looks for referrers needs to know the manifests, unchanged or not.
  if (comparable && !wanted.referrers) {
    descriptor top;
    const auto same = co_await is_unchanged(source, target, top);
    if (!same) co_return same.error();
    if (*same) {
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
  const auto documents = std::make_shared<store::memory_documents>();
  resolver names(shared_, running_, documents);
  platform_choice platforms;
  platforms.platforms = wanted.platforms;
  platforms.all = wanted.platforms.empty();
  const auto resolved = co_await names.resolve(source, std::move(platforms));
  if (!resolved) co_return resolved.error();

  push_options options;
  options.platforms = wanted.platforms;
  options.as_index = wanted.as_index;
  std::map<digest, index_facts> facts;
  if (!wanted.platforms.empty()) {
    const auto bytes = documents->read(resolved->top, model::document_limit);
    if (!bytes) co_return bytes.error();
    facts.emplace(resolved->top.digest, facts_of(*bytes, resolved->top));
  }
  const std::vector<archive::archived_image> images(1, archived(*resolved));
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
  auto feed = std::make_shared<relayed_feed>(shared_, running_, source, documents);
  auto moved = co_await upload(shared_, running_, *ledger_, std::move(feed), settings_, std::move(*plan));
  if (!moved) co_return moved.error();
  add_counts(counts_, moved->counts);
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

task<result<std::vector<descriptor>>> copy_run::find_referrers(reference repository, digest subject) {
  const std::string what = fmt::format("referrers of {}", subject.short_form());
  std::vector<descriptor> all;
  std::string page;
  do {
    auto ask = [this, repository, subject, page] {
      return registry::list_referrers(shared_.registry, repository, subject, page, running_.stop);
    };
    auto got = co_await transfer::with_retry<registry::referrer_page>(shared_, running_, what, ask);
    if (!got) co_return got.error();
    if (!got->known && page.empty()) {
      const reference list = repository.with_digest({}).with_tag(model::referrers_tag(subject.string()));
      auto get = [this, list] { return shared_.registry.get_manifest(list, running_.stop); };
      const auto tagged = co_await transfer::with_retry<registry::document>(shared_, running_, what, get);
      if (!tagged && tagged.error().code == errc::not_found) co_return all;
      if (!tagged) co_return tagged.error();
      auto parsed = model::parse_document(tagged->bytes, tagged->top.media_type, list.string());
      if (!parsed) co_return parsed.error();
      if (auto* content = std::get_if<model::index>(&*parsed)) all = std::move(content->manifests);
      co_return all;
    }
    all.insert(all.end(), std::make_move_iterator(got->manifests.begin()), std::make_move_iterator(got->manifests.end()));
    if (all.size() > most_referrers || (got->manifests.empty() && !got->next.empty())) {
      co_return failure(errc::limit_exceeded, fmt::format("the list of what refers to {} in {} does not end after {} manifests",
                                                          subject.string(), repository.name(), all.size()));
    }
    page = std::move(got->next);
  } while (!page.empty());
  co_return all;
}

task<result<std::size_t>> copy_run::copy_cosign_tags(reference source, reference target, digest subject) {
  std::size_t count = 0;
  for (const char* const kind : cosign_suffixes) {
    const std::string tag = model::referrers_tag(subject.string()) + kind;
    const reference from = source.with_digest({}).with_tag(tag);
    const reference to = target.with_digest({}).with_tag(tag);
    choice everything;
    auto copied = co_await copy(from, to, std::move(everything));
    if (copied) ++count;
    if (!copied && copied.error().code != errc::not_found) co_return copied.error();
  }
  co_return count;
}

task<result<std::size_t>> copy_run::copy_referrers(reference source, reference target, std::vector<digest> subjects, unsigned depth) {
  std::size_t count = 0;
  for (const digest& subject : subjects) {
    const auto tagged = co_await copy_cosign_tags(source, target, subject);
    if (!tagged) co_return tagged.error();
    count += *tagged;
    const auto wanted = co_await find_referrers(source, subject);
    if (!wanted) co_return wanted.error();
    if (wanted->empty()) continue;
    if (depth == referrer_depth) {
      co_return failure(errc::limit_exceeded,
                        fmt::format("manifests of {} refer to each other more than {} times over", source.name(), referrer_depth));
    }
    const auto there = co_await find_referrers(target, subject);
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

task<result<copy_result>> copy(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference source,
                               std::vector<reference> targets, copy_options options) {
  const auto started = std::chrono::steady_clock::now();
  auto listed = co_await list_copies(shared, running, std::move(source), std::move(targets), options.all_tags);
  if (!listed) co_return listed.error();
  if (listed->empty()) co_return failure(errc::not_found, "there is nothing to copy: the repository has no tags");
  std::reverse(listed->begin(), listed->end());

  upload_settings settings;
  settings.force_upload = options.force_upload;
  settings.dry_run = options.dry_run;
  copy_run run(shared, *running, settings);
  copy_run::choice wanted;
  wanted.platforms = options.platforms;
  wanted.referrers = options.referrers;
  copy_result done;
  if (listed->size() == 1) {
    auto copied = co_await run.copy(listed->front().source, listed->front().target, std::move(wanted));
    if (!copied) co_return copied.error();
    done.images.push_back(std::move(*copied));
  } else {
    runtime::task_group group(shared.executor);
    const std::size_t workers = std::min(copies_at_once, listed->size());
    for (std::size_t i = 0; i < workers; ++i) group.spawn(carry_copies(run, *running, wanted, *listed, done));
    co_await group.join();
    if (running->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    const auto by_target = [](const auto& a, const auto& b) { return a.target < b.target; };
    std::sort(done.images.begin(), done.images.end(), by_target);
    std::sort(done.failed.begin(), done.failed.end(), by_target);
  }
  add_counts(done, run.counts());
  done.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started);
  running->events.flush();
  co_return done;
}

}  // namespace gantry::jobs
