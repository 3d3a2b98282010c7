#include "jobs/copy.hpp"

#include "jobs/lookup.hpp"
#include "jobs/run_order.hpp"
#include "jobs/sync_part.hpp"
#include "jobs/sync_plan.hpp"
#include "runtime/task_group.hpp"

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

// Images under way at once to one registry; their blobs share the engine's connections whatever this is.
constexpr std::size_t copies_at_once = 4;
/// One copy of a list.
struct listed_copy {
  reference source;
  reference target;
  std::shared_ptr<fan_group> fan;                              ///< of the same source, to several registries
  std::shared_ptr<std::weak_ptr<source_documents>> documents;  ///< of the same source, to several names, while one is under way
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
        done_.failed.push_back({one.source, one.target, gone->code, gone->text.message(), gone->text.server_message()});
        continue;
      }
      // What one waits for is not what another gets.
      sync_part part(shared_, running_, std::nullopt, std::nullopt);
      copy_run run(part.shared, *part.running, settings_, ledger_, facts_);
      copy_run::choice wanted = wanted_;
      wanted.fan = one.fan;
      if (one.documents) wanted.documents = one.documents->lock();
      if (one.documents && !wanted.documents) {
        wanted.documents = std::make_shared<source_documents>();
        *one.documents = wanted.documents;
      }
      auto copied = co_await run.copy(one.source, one.target, std::move(wanted));
      part.running->events.flush();
      add_counts(done_, run.counts());
      if (copied) {
        order_.succeeded(ends);
        done_.images.push_back(std::move(*copied));
      } else {
        order_.failed(ends, one.target.string(), copied.error());
        done_.failed.push_back(
            {one.source, one.target, copied.error().code, copied.error().text.message(), copied.error().text.server_message()});
      }
    }
  }

  transfer::context& shared_;
  transfer::operation& running_;
  upload_settings settings_;
  copy_run::choice wanted_;
  std::vector<listed_copy> listed_;
  std::shared_ptr<upload_ledger> ledger_ = std::make_shared<upload_ledger>();
  std::shared_ptr<referrer_facts> facts_ = std::make_shared<referrer_facts>();
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
  std::shared_ptr<std::weak_ptr<source_documents>> documents;
  if (targets.size() > 1) documents = std::make_shared<std::weak_ptr<source_documents>>();
  for (const reference& target : targets) listed.push_back({source, target, fan, documents});
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
    tagged.reserve(targets.size());
    for (const reference& target : targets) tagged.push_back(target.with_digest({}).with_tag(tag));
    list_targets(shared, *running, source.with_digest({}).with_tag(tag), tagged, late, listed);
  }
  co_return listed;
}

}  // namespace

task<result<copy_result>> copy(transfer::context& shared, std::shared_ptr<transfer::operation> running, upload_state kept,
                               std::shared_ptr<store::content_store> cache, reference source, std::vector<reference> targets,
                               copy_options options) {
  const auto started = std::chrono::steady_clock::now();
  const bool several = options.all_tags || targets.size() > 1;
  auto listed = co_await list_copies(shared, running, std::move(source), std::move(targets), options);
  if (!listed) co_return listed.error();
  if (listed->empty()) co_return failure(errc::not_found, "there is nothing to copy: the repository has no tags");

  upload_settings settings;
  settings.force_upload = options.force_upload;
  settings.dry_run = options.dry_run;
  settings.names_targets = several;
  settings.kept = std::move(kept);
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
