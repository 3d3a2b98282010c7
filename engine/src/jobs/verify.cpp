#include "jobs/verify.hpp"

#include "jobs/record.hpp"
#include "jobs/record_repair.hpp"
#include "jobs/repair.hpp"
#include "jobs/verify_survey.hpp"
#include "model/digester.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

// Two for each core: one reads while the other is hashed. No more than there are buffers.
constexpr unsigned most_at_once = 8;

failure stopped() { return {errc::cancelled, "stopped; what was hashed until then is not remembered"}; }

/// One call of verify; lives in its frame.
struct run {
  run(transfer::context& with, transfer::operation& whose, std::shared_ptr<store::content_store> where)
      : shared(with), running(whose), store(std::move(where)), workers(with.executor) {}

  transfer::context& shared;
  transfer::operation& running;
  std::shared_ptr<store::content_store> store;
  store_survey found;
  std::size_t next = 0;
  runtime::task_group workers;
  verify_result result;
  std::optional<failure> error;
};

void note_damage(run& all, damaged_blob one) {
  const auto needed = all.found.needed.find(one.blob.digest);
  if (needed != all.found.needed.end()) {
    one.blob = needed->second.blob;
    one.references = needed->second.references;
  }
  all.result.damaged.push_back(std::move(one));
}

damaged_blob damage_of(const store::stored_file& what) {
  damaged_blob one;
  one.blob.digest = what.digest;
  one.blob.size = what.size;
  return one;
}

/// One that could not be opened, or not be moved to quarantine: it is told like the others, and the rest is checked.
void note_in_place(run& all, const store::stored_file& what, const std::string& state, const failure& why) {
  all.running.events.emit(warning{fmt::format("blob {} {}; it stays in its place: {}", what.digest.string(), state, why.text.message())});
  damaged_blob one = damage_of(what);
  one.trouble = "it could not be set aside: " + why.text.message();
  note_damage(all, std::move(one));
}

/// The digest of what \p file holds, read on a files lane and hashed on a CPU lane. Nothing when it cannot be read.
task<result<std::optional<digest>>> hash(run& all, std::shared_ptr<runtime::file> file, digest name) {
  const auto digester = std::make_shared<model::digester>(name.algorithm());
  for (std::uint64_t position = 0;;) {
    std::vector<runtime::buffer_pool::buffer> taken = co_await all.shared.hash_buffers.acquire(1, all.running.stop);
    if (taken.empty()) co_return stopped();
    const auto block = std::make_shared<runtime::buffer_pool::buffer>(std::move(taken.front()));
    auto read = [file, block, position] { return file->read_at(position, block->bytes()); };
    const result<std::size_t> got = co_await offload(all.shared.lanes, lane::files, std::move(read));
    if (!got) co_return std::optional<digest>();
    if (*got == 0) break;
    auto update = [digester, block, length = *got] {
      digester->update(block->bytes().first(length));
      return true;
    };
    co_await offload(all.shared.lanes, lane::cpu, std::move(update));
    position += *got;
    all.running.events.progress(name, position);
    if (all.running.stop.stop_requested()) co_return stopped();
  }
  co_return std::optional(digester->finish());
}

/// As in every plan, manifests are not counted.
transfer_planned plan_of(const store_survey& found) {
  transfer_planned plan;
  for (const store::stored_file& one : found.files) {
    if (found.role_of(one.digest) == blob_role::manifest) continue;
    ++plan.blobs;
    plan.bytes += one.size;
  }
  return plan;
}

task<result<void>> check(run& all, store::stored_file what) {
  auto open = [path = what.path] { return runtime::file::open(path, runtime::open_mode::read); };
  result<runtime::file> opened = co_await offload(all.shared.lanes, lane::files, std::move(open));
  if (!opened) {
    // Cleaned up meanwhile.
    if (opened.error().code == errc::file_not_found) co_return result<void>();
    note_in_place(all, what, "cannot be read", opened.error());
    co_return result<void>();
  }
  const auto file = std::make_shared<runtime::file>(std::move(*opened));
  all.running.events.emit(blob_started{what.digest, what.size, 0, all.found.role_of(what.digest)});
  const result<std::optional<digest>> computed = co_await hash(all, file, what.digest);
  if (!computed) co_return computed.error();
  ++all.result.blobs;
  all.result.bytes += what.size;
  all.running.events.emit(blob_finished{what.digest, what.size, true, all.found.role_of(what.digest)});
  if (*computed && **computed == what.digest) co_return result<void>();
  auto remove = [store = all.store, file, name = what.digest] { return store->quarantine(name, *file); };
  result<std::optional<std::filesystem::path>> away = co_await offload(all.shared.lanes, lane::files, std::move(remove));
  const std::string why = *computed ? "is damaged: its bytes hash to " + (*computed)->string() : "is damaged: it cannot be read";
  if (!away) {
    note_in_place(all, what, why, away.error());
    co_return result<void>();
  }
  if (!*away) co_return result<void>();
  all.running.events.emit(warning{fmt::format("blob {} {}; moved to {}", what.digest.string(), why, (*away)->string())});
  damaged_blob found = damage_of(what);
  found.quarantined = std::move(**away);
  note_damage(all, std::move(found));
  co_return result<void>();
}

task<> worker(run& all) {
  while (all.next < all.found.files.size() && !all.error && !all.running.stop.stop_requested()) {
    const result<void> checked = co_await check(all, all.found.files[all.next++]);
    if (!checked && !all.error) all.error = checked.error();
  }
}

/// Brings what was found together with what others did to the store meanwhile: names that were cleaned or moved miss nothing. Blocking.
void compare_with_now(run& all) {
  for (damaged_blob& one : all.result.damaged)
    std::erase_if(one.references, [&all](const reference& name) { return !stands(*all.store, all.found, name); });
  for (blob_need& needed : still_missing(*all.store, all.found)) {
    const bool known = std::any_of(all.result.damaged.begin(), all.result.damaged.end(),
                                   [&](const damaged_blob& one) { return one.blob.digest == needed.blob.digest; });
    if (known) continue;
    damaged_blob one;
    one.blob = std::move(needed.blob);
    one.references = std::move(needed.references);
    one.missing = true;
    all.result.damaged.push_back(std::move(one));
  }
  all.found.records = still_damaged(*all.store, std::move(all.found.records));
}

/// A record that cannot be read stays where it is: as long as it is there, a clean-up keeps the blobs that it may need, and a repair or a
/// new pull takes its place. Told as damage without a digest.
task<result<void>> note_records(run& all, std::shared_ptr<transfer::operation> running, bool repairs) {
  for (const store::damaged_record& one : all.found.records) {
    damaged_blob told;
    told.references.push_back(one.name);
    told.trouble = advice_of(one);
    if (repairs) {
      const result<bool> repaired = co_await repair_record(all.shared, running, all.store, one.name);
      if (running->stop.stop_requested()) co_return stopped();
      told.repaired = repaired && *repaired;
      if (!repaired) told.trouble += "; it could not be repaired: " + repaired.error().text.message();
    }
    if (told.repaired) told.trouble.clear();
    if (!told.repaired) all.running.events.emit(warning{told.trouble});
    all.result.damaged.push_back(std::move(told));
  }
  co_return result<void>();
}

/// Makes index.json say what the store holds, also when nothing is damaged: a process that was killed between a record and the index leaves
/// the old one, and other tools write their own. A store that cannot be written keeps it as it was; what was found is worth more.
task<result<void>> rebuild_index(run& all) {
  std::vector<store::reference_record> nothing_new;
  const result<void> rebuilt = co_await record(all.shared, all.running, all.store, std::move(nothing_new));
  if (rebuilt || rebuilt.error().code != make_error_condition(condition::storage)) co_return rebuilt;
  all.running.events.emit(warning{"the store's index could not be written anew: " + rebuilt.error().text.message()});
  co_return result<void>();
}

}  // namespace

task<result<verify_result>> verify(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                   std::shared_ptr<store::content_store> store, verify_options options) {
  run all(shared, *running, store);
  auto survey_call = [store, running] { return look_at(*store, running->stop_flag()); };
  result<store_survey> found = co_await offload(shared.lanes, lane::files, std::move(survey_call));
  if (!found) co_return found.error();
  all.found = std::move(*found);
  all.result.directory = store->root();
  all.result.references = all.found.tops.size();
  const transfer_planned planned = plan_of(all.found);
  running->events.emit(planned);

  const unsigned cores = std::max(1U, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < std::min(most_at_once, 2 * cores); ++i) all.workers.spawn(worker(all));
  co_await all.workers.join();
  if (running->stop.stop_requested()) co_return stopped();
  if (all.error) co_return *all.error;
  auto compare = [&all] {
    compare_with_now(all);
    return true;
  };
  co_await offload(shared.lanes, lane::files, std::move(compare));
  if (options.repair && !all.result.damaged.empty()) {
    const result<void> repaired = co_await repair(shared, running, store, all.result.damaged, planned);
    if (!repaired) co_return repaired.error();
  }
  const result<void> rebuilt = co_await rebuild_index(all);
  if (!rebuilt) co_return rebuilt.error();
  const result<void> told = co_await note_records(all, running, options.repair);
  if (!told) co_return told.error();
  std::stable_sort(all.result.damaged.begin(), all.result.damaged.end(),
                   [](const damaged_blob& a, const damaged_blob& b) { return a.blob.digest < b.blob.digest; });
  running->events.flush();
  co_return std::move(all.result);
}

}  // namespace gantry::jobs
