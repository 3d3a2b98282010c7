#include "jobs/sync_tags.hpp"

#include "jobs/lookup.hpp"
#include "jobs/sync_image.hpp"
#include "jobs/sync_part.hpp"
#include "model/tag_selection.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

/// An entry that is looked at in this run.
struct open_entry {
  const sync_entry* entry = nullptr;
  reference target;
  std::vector<std::string> found;  ///< tags that its filter admits
  std::optional<failure> failed;
};

/// Entries with filters of one repository, which is asked once for all of them.
struct asked_repository {
  reference source;
  std::optional<unsigned> retries;
  std::optional<std::chrono::milliseconds> timeout;
  std::vector<open_entry*> entries;
};

/// Entries that give the same repository another time or patience ask for themselves.
std::vector<asked_repository> repositories_of(std::vector<open_entry>& open) {
  std::vector<asked_repository> all;
  std::map<std::tuple<std::string, std::optional<unsigned>, std::optional<std::chrono::milliseconds>>, std::size_t> known;
  for (open_entry& one : open) {
    if (!one.entry->filter) continue;
    const sync_entry& entry = *one.entry;
    const auto [at, added] = known.emplace(std::tuple(entry.source.name(), entry.retries, entry.timeout), all.size());
    if (added) all.push_back({entry.source, entry.retries, entry.timeout, {}});
    all[at->second].entries.push_back(&one);
  }
  return all;
}

/// Asks for the tags of what nobody else has begun with.
task<> ask_for_tags(transfer::context& shared, transfer::operation& running, std::vector<asked_repository>& all, std::size_t& next,
                    registry::precedence whom) {
  while (next < all.size() && !running.stop.stop_requested()) {
    asked_repository& asked = all[next++];
    sync_part part(shared, running, asked.retries, asked.timeout);
    tags_options every;
    auto listed = co_await list_tags(part.shared, part.running, asked.source, std::move(every), whom);
    // What hangs on manifests by its tag goes with them, when it is asked for; it is no version of anything.
    if (listed) std::erase_if(listed->tags, [](const std::string& tag) { return static_cast<bool>(tag_subject(tag)); });
    for (open_entry* const one : asked.entries) {
      if (listed) {
        auto admitted = model::select_tags(listed->tags, *one->entry->filter);
        if (admitted) one->found = std::move(*admitted);
        if (!admitted) one->failed = admitted.error();
      } else if (part.timed_out()) {
        one->failed.emplace(errc::timed_out,
                            fmt::format("the tags of {} did not come in the time that the list allows", asked.source.name()));
      } else {
        one->failed = listed.error();
      }
    }
  }
}

/// What the filter of \p one admits must not be what others bring: those named in the list, or found by the filters before it.
result<void> check_found(const sync_plan& named, const sync_plan& plan, const open_entry& one) {
  std::vector<std::string> more;
  const std::vector<std::string>& own = one.entry->tags;
  for (const std::string& tag : one.found) {
    if (std::find(own.begin(), own.end(), tag) == own.end()) more.push_back(tag);
  }
  const result<void> alone = check_tags(named, *one.entry, one.target, more);
  return alone ? check_tags(plan, *one.entry, one.target, more) : alone;
}

}  // namespace

task<result<sync_plan>> plan_list(transfer::context& shared, std::shared_ptr<transfer::operation> running, const sync_list& list,
                                  const sync_options& options) {
  std::vector<open_entry> open;
  for (const sync_entry& entry : list.entries) {
    auto target = target_of(entry, options);
    if (!target) co_return target.error();
    if (!in_shard(target->name(), options.shard)) continue;
    open_entry one;
    one.entry = &entry;
    one.target = std::move(*target);
    open.push_back(std::move(one));
  }
  // Contradictions are told before anything is asked.
  sync_plan named;
  for (const open_entry& one : open) {
    const result<void> added = add_entry(named, *one.entry, one.target, one.found);
    if (!added) co_return added.error();
  }
  for (const open_entry& one : open) {
    const result<void> apart = check_source(named, *one.entry, one.target, options);
    if (!apart) co_return apart.error();
  }
  // A mirror's list may be a part, and what is missing there must not be deleted elsewhere.
  const registry::precedence whom = options.find_unwanted ? registry::precedence::registry_alone : registry::precedence::registry_first;
  std::vector<asked_repository> all = repositories_of(open);
  std::size_t next = 0;
  runtime::task_group group(shared.executor);
  const std::size_t workers = std::min<std::size_t>(shared.jobs, all.size());
  for (std::size_t i = 0; i < workers; ++i) group.spawn(ask_for_tags(shared, *running, all, next, whom));
  co_await group.join();
  sync_plan plan;
  for (open_entry& one : open) {
    // A filter begins to match what it did not: that is the fault of its entry alone, whose other tags go on.
    if (const result<void> alone = check_found(named, plan, one); !alone) {
      one.failed = alone.error();
      one.found.clear();
    }
    if (one.failed) {
      synced_image failed;
      failed.entry = one.entry->number;
      failed.source = one.entry->source;
      failed.directory = one.entry->directory;
      failed.target = one.target;
      note_failure(failed, *one.failed);
      plan.failed.push_back(std::move(failed));
      plan.unknown.insert(one.target.name());
    }
    if (!one.failed && one.entry->filter && one.found.empty()) {
      // A slip in a filter, or a list that came back empty, is no order to delete everything.
      running->events.emit(warning{fmt::format("entry {}: no tag of {} matches its filter, which brings nothing and counts as no failure",
                                               one.entry->number, one.entry->source.name())});
      plan.unknown.insert(one.target.name());
    }
    const result<void> added = add_entry(plan, *one.entry, one.target, one.found);
    if (!added) co_return added.error();
  }
  co_return plan;
}

}  // namespace gantry::jobs
