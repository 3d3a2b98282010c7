#include "jobs/sync_image.hpp"

#include "jobs/resolve.hpp"
#include "jobs/target_name.hpp"
#include "registry/manifest_requests.hpp"
#include "runtime/task_group.hpp"

#include <gantry/format.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr std::chrono::milliseconds plan_interval{500};

task<> ask_target(sync_part& part, reference target, std::optional<result<digest>>& named) {
  named = co_await named_now(part.shared, std::move(target), part.running->stop);
}

/// One try at a source, and meanwhile one at its target: most tags of most runs are unchanged, and a second round trip would be half of
/// what they take.
task<result<std::optional<descriptor>>> ask_both(sync_part& part, reference source, reference target,
                                                 std::optional<result<digest>>& named) {
  sync_part beside(part.shared, *part.running, std::nullopt, std::nullopt);
  runtime::task_group group(part.shared.executor);
  group.spawn(ask_target(beside, std::move(target), named));
  auto found = co_await registry::head_manifest(part.shared.registry, source, part.running->stop);
  const bool useless = !found || !*found;
  if (useless) beside.running->request_stop();
  co_await group.join();
  if (useless) named.reset();
  co_return found;
}

}  // namespace

std::optional<std::chrono::milliseconds> time_of(const sync_entry& entry, const platform& wanted) {
  for (const auto& [one, time] : entry.platform_timeouts) {
    if (one == wanted) return time;
  }
  return std::nullopt;
}

bool times_platforms(const sync_entry& entry) {
  return std::any_of(entry.platforms.begin(), entry.platforms.end(), [&](const platform& one) { return time_of(entry, one).has_value(); });
}

failure too_late(const std::string& what, std::chrono::milliseconds limit) {
  return {errc::timed_out, fmt::format("{} was stopped after {}, the time that the list allows", what, format_duration(limit))};
}

void note_failure(synced_image& image, const failure& why) {
  image.state = sync_state::failed;
  image.top = descriptor();
  image.missing.clear();
  image.code = why.code;
  image.message = why.text.message();
  image.server_message = why.text.server_message();
}

void image_sync::forward(const event& what) {
  const auto* const plan = std::get_if<transfer_planned>(&what);
  if (plan == nullptr) return running_.events.pass_on(what);
  planned_.blobs += plan->blobs;
  planned_.bytes += plan->bytes;
  planned_more_ = planned_more_ || plan->blobs != 0;
  if (std::chrono::steady_clock::now() - told_ >= plan_interval) flush();
}

void image_sync::flush() {
  if (!planned_more_) return;
  planned_more_ = false;
  told_ = std::chrono::steady_clock::now();
  running_.events.emit(planned_);
}

task<synced_image> image_sync::bring(const planned_sync& one, reference target, source_state& source) {
  const sync_entry& entry = *one.entry;
  synced_image done;
  done.entry = entry.number;
  done.source = one.source;
  done.directory = entry.directory;
  done.target = std::move(target);
  sync_part part(shared_, running_, entry.retries, entry.timeout, [this](const event& what) { forward(what); });
  result<void> carried = result<void>();
  if (entry.directory.empty()) {
    carried = co_await carry(part, one, source, done);
  } else {
    carried = co_await carry_local(part, one, done);
  }
  part.running->events.flush();
  if (carried) co_return done;
  note_failure(done, part.timed_out() ? too_late(source_name(one), *entry.timeout) : carried.error());
  co_return done;
}

const locked_tag* image_sync::locked(const reference& target) const {
  const auto known = lock_.find(target.string());
  return known == lock_.end() ? nullptr : &known->second;
}

upload_settings image_sync::settings_for(reference source) const {
  upload_settings settings = settings_;
  if (elsewhere_) {
    settings.elsewhere = [ask = elsewhere_, source = std::move(source)](transfer::operation& running, planned_blob one) {
      return ask(running, std::move(one), source);
    };
  }
  return settings;
}

task<result<void>> image_sync::ask_source(sync_part& part, const planned_sync& one, source_state& source, reference target,
                                          std::optional<result<digest>>& named) {
  if (source.asked) co_return result<void>();
  const reference name = one.source;
  // Both sides under one permit: -j limits what each registry is asked at once.
  const bool beside = name.registry() != target.registry() && !options_.force_upload && !options_.referrers &&
                      (one.entry->platforms.empty() || locked(target) != nullptr);
  auto ask = [&]() -> task<result<std::optional<descriptor>>> {
    if (beside) return ask_both(part, name, target, named);
    return registry::head_manifest(part.shared.registry, name, part.running->stop);
  };
  std::vector<std::string> asked(1, name.registry());
  if (beside) asked.push_back(target.registry());
  auto found = co_await transfer::with_retry<std::optional<descriptor>>(part.shared, *part.running, "manifest of " + name.familiar(), ask,
                                                                        std::move(asked));
  if (!found) co_return found.error();
  source.top = std::move(*found);
  source.asked = true;
  co_return result<void>();
}

task<result<void>> image_sync::carry(sync_part& part, const planned_sync& one, source_state& source, synced_image& done) {
  const sync_entry& entry = *one.entry;
  std::optional<result<digest>> named;
  const result<void> asked = co_await ask_source(part, one, source, done.target, named);
  if (!asked) co_return asked.error();
  copy_run::choice wanted;
  wanted.platforms = entry.platforms;
  wanted.referrers = options_.referrers;
  wanted.documents = source.documents;
  reference from = one.source;
  digest expected;
  if (source.top) {
    from = from.with_digest(source.top->digest);  // a tag that moves meanwhile moves in the next run
    const locked_tag* const known = locked(done.target);
    if (!options_.force_upload) expected = unchanged_top(source.top->digest, entry.platforms, known, options_.allow_partial);
  }
  if (expected && !options_.referrers) {
    descriptor top = *source.top;
    if (!entry.platforms.empty()) {
      top = descriptor();
      const auto& kept = locked(done.target)->top;
      top.media_type = kept.media_type;
      top.digest = kept.digest;
      top.size = kept.size;
    }
    bool same = named && *named && **named == expected;
    if (!named || !*named) {
      std::optional<failure> tried;
      if (named) tried = named->error();
      const result<bool> found = co_await names_already(part.shared, *part.running, done.target, expected, std::move(tried));
      if (!found) co_return found.error();
      same = *found;
    }
    if (same) {
      part.running->events.emit(image_resolved{done.target, top, 0});
      done.state = sync_state::unchanged;
      done.top = top;
      if (!entry.platforms.empty()) done.missing = still_missing(entry.platforms, *locked(done.target));
      keep_in_lock(done, one.source.string(), source.top->digest, without(entry.platforms, done.missing), done.missing);
      co_return result<void>();
    }
    wanted.changed = true;
  }
  bool late = false;
  bool one_by_one = times_platforms(entry);
  if (!one_by_one) {
    const result<void> copied = co_await copy(part, from, wanted, done);
    one_by_one = !copied && copied.error().code == errc::platform_not_found && options_.allow_partial;
    if (!copied && !one_by_one) co_return copied.error();
  }
  if (one_by_one) {
    auto there = co_await bring_platforms(part, entry, from, source.documents, done);
    if (!there) co_return there.error();
    late = there->late;
    wanted.platforms = std::move(there->there);
    wanted.as_index = !done.missing.empty();
    const result<void> copied = co_await copy(part, from, wanted, done);
    if (!copied) co_return copied.error();
  }
  if (!done.missing.empty() && done.state == sync_state::copied) done.state = sync_state::partial;
  const std::vector<platform> lacking = late ? std::vector<platform>() : done.missing;
  if (source.top) keep_in_lock(done, one.source.string(), source.top->digest, wanted.platforms, lacking);
  co_return result<void>();
}

void image_sync::keep_in_lock(const synced_image& done, const std::string& source, const digest& source_digest,
                              const std::vector<platform>& written, const std::vector<platform>& missing) {
  if (options_.dry_run) return;
  locked_tag kept;
  kept.source = source;
  kept.source_digest = source_digest;
  kept.platforms = lock_platforms(written);
  kept.missing = lock_platforms(missing);
  kept.top.media_type = done.top.media_type;
  kept.top.digest = done.top.digest;
  kept.top.size = done.top.size;
  lock_.insert_or_assign(done.target.string(), std::move(kept));
}

task<result<void>> image_sync::copy(sync_part& part, reference source, copy_run::choice wanted, synced_image& done) {
  copy_run run(part.shared, *part.running, settings_for(source), ledger_, facts_);
  const reference target = done.target;
  auto copied = co_await run.copy(std::move(source), target, std::move(wanted));
  add_counts(counts_, run.counts());
  if (!copied) co_return copied.error();
  done.state = copied->unchanged ? sync_state::unchanged : sync_state::copied;
  done.top = std::move(copied->top);
  done.referrers = copied->referrers;
  co_return result<void>();
}

task<result<image_sync::brought_platforms>> image_sync::bring_platforms(sync_part& part, const sync_entry& entry, reference source,
                                                                        std::shared_ptr<source_documents> documents, synced_image& done) {
  brought_platforms brought;
  std::optional<failure> first;
  for (const platform& wanted : entry.platforms) {
    const auto time = time_of(entry, wanted);
    sync_part each(part.shared, *part.running, std::nullopt, time);
    const result<void> came = co_await bring_platform(each, wanted, time.has_value() && !options_.dry_run, source, documents, done.target);
    if (came) {
      brought.there.push_back(wanted);
      continue;
    }
    failure why = came.error();
    if (each.timed_out()) why = too_late(fmt::format("{} of {}", to_string(wanted), done.source.string()), *time);
    const bool may_lack = options_.allow_partial && (each.timed_out() || why.code == errc::platform_not_found);
    if (!may_lack) co_return why;
    if (!first) first = std::move(why);
    brought.late = brought.late || each.timed_out();
    done.missing.push_back(wanted);
  }
  // Nothing of what is asked for is no part of it.
  if (brought.there.empty()) co_return *first;
  co_return brought;
}

task<result<void>> image_sync::bring_platform(sync_part& part, platform wanted, bool blobs, reference source,
                                              std::shared_ptr<source_documents> documents, reference target) {
  resolver names(part.shared, *part.running, documents);
  platform_choice choice;
  choice.platforms.push_back(std::move(wanted));
  const reference from = source;
  const auto found = co_await names.resolve(from, std::move(choice));
  if (!found) co_return found.error();
  documents->remember(source, found->top);
  if (!blobs) co_return result<void>();
  const digest manifest = found->manifests.front().entry.digest;
  copy_run run(part.shared, *part.running, settings_for(source), ledger_);
  copy_run::choice whole;
  const reference one = source.with_tag({}).with_digest(manifest);
  const reference there = target.with_tag({}).with_digest(manifest);
  const auto copied = co_await run.copy(one, there, std::move(whole));
  add_counts(counts_, run.counts());
  if (!copied) co_return copied.error();
  co_return result<void>();
}

}  // namespace gantry::jobs
