#include "jobs/complete_part.hpp"
#include "jobs/record.hpp"
#include "serve/held_documents.hpp"
#include "serve/passing_target.hpp"
#include "serve/pull_through.hpp"
#include "serve/quiet_operation.hpp"
#include "store/image_tree.hpp"

#include <algorithm>
#include <exception>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

// The part of pull_through that gives names to what was fetched.

namespace gantry::serve {
namespace {

using runtime::lane;
using runtime::offload;

/// Whether the store has a record of that name in which all of \p record stands. Blocking.
bool says_nothing_new(const store::content_store& store, store::reference_record record) {
  const auto older = store.find_reference(record.name);
  if (!older || !*older) return false;
  record.indexes = store::nested_indexes(store, record.top);
  return merge(**older, std::move(record)) == **older;
}

/// The record of a name none of whose platforms is complete: what is there can be served, and no clean-up takes it for nobody's. Nothing
/// where it would take the place of something complete. Blocking.
std::optional<store::reference_record> begun_part(const store::content_store& store, const reference& name, const descriptor& top) {
  if (!store.holds(top)) return std::nullopt;
  const auto older = store.find_reference(name);
  if (!older) return std::nullopt;
  if (*older && (*older)->top.digest != top.digest && !(*older)->manifests.empty()) return std::nullopt;
  store::reference_record record;
  record.name = name;
  record.top = top;
  return record;
}

}  // namespace

void pull_through::remember(const reference& image, asked_name what) {
  if (image.digest() && incomplete_.lead_to(image, families_.above(what.top.digest))) return;
  incomplete_.put(image, std::move(what));
}

task<bool> pull_through::note_held(reference image, descriptor document, runtime::stop_source& stop) {
  if (incomplete_.find(image) != nullptr) {
    incomplete_.put(image, {document, {}});
    co_return true;
  }
  if (!families_.knows(document.digest)) co_await learn_held(document);
  if (incomplete_.lead_to(image, families_.above(document.digest))) co_return true;
  if (clock::now() < offline_until_) co_return true;
  std::function<task<result<digest>>()> ask = [this, image, &stop] { return revalidate(image, stop); };
  const auto there = co_await known_above_.get(image.string(), std::move(ask), stop);
  if (!there) {
    const failure why = there.error();
    if (why.code != errc::cancelled && why.code == condition::retryable) leave_alone(why);
    co_return why.code != errc::not_found;
  }
  remember(image, {document, {}});
  touched_.merge(families_.family_of(document.digest));
  co_await record_due();
  co_return true;
}

void pull_through::note_taken(const reference& image, const digest& blob) {
  if (incomplete_.empty()) return;
  bool due = false;
  for (const reference& name : incomplete_.asked_since(clock::now() - family_leases::client_pause, image.name(), families_.above(blob))) {
    const asked_name& asked = *incomplete_.find(name);
    if (asked.recorded == asked.top.digest) continue;
    begun_.insert(name);
    touched_.insert(asked.top.digest);
    due = true;
  }
  if (due) record_soon();
}

task<> pull_through::learn_held(descriptor top) {
  auto read = [store = store_, top] { return held_documents(*store, top); };
  const auto documents = co_await offload(shared_.lanes, lane::files, std::move(read));
  for (const auto& [entry, document] : documents) families_.learn(document, entry);
}

task<> pull_through::record_due() {
  // What the end of the server leaves is recorded by close().
  if (stop_.stop_requested()) co_return;
  if (arriving_.empty()) {
    co_await record_all(stop_);
  } else {
    record_soon();
  }
}

void pull_through::record_soon() {
  if (stop_.stop_requested() || record_planned_) return;
  record_planned_ = true;
  fetches_.spawn(record_in_a_moment());
}

task<> pull_through::record_in_a_moment() {
  const bool slept = co_await runtime::sleep_for(record_pause, stop_);
  record_planned_ = false;
  if (slept) co_await record_all(stop_);
}

task<> pull_through::record_all(runtime::stop_source& stop) {
  // Who records looks once more at the end.
  if (recording_) co_return;
  recording_ = true;
  std::exception_ptr thrown;
  try {
    for (bool going = true; going && !touched_.empty();) going = co_await record_complete(stop);
  } catch (...) {
    thrown = std::current_exception();
  }
  recording_ = false;
  if (thrown) std::rethrow_exception(thrown);
}

task<bool> pull_through::record_complete(runtime::stop_source& stop) {
  std::set<digest> touched = std::exchange(touched_, {});
  std::set<reference> begun = std::exchange(begun_, {});
  auto names = incomplete_.all();
  const auto rest = std::partition(names.begin(), names.end(), [&](const auto& one) { return touched.contains(one.second.top.digest); });
  // Of documents that came before this server nothing may be known: then it can be any of them.
  if (rest != names.begin()) names.erase(rest, names.end());
  if (names.empty()) co_return true;
  struct state {
    std::vector<store::reference_record> records;
    std::vector<std::pair<reference, digest>> whole;
    std::vector<std::pair<reference, digest>> overtaken;
  };
  auto look = [store = store_, begun, names = std::move(names)] {
    state now;
    for (const auto& [name, asked] : names) {
      const descriptor& top = asked.top;
      // What another process has pulled under the name meanwhile is newer.
      const auto older = store->find_reference(name);
      if (older && *older && newest(&asked, (*older)->top)->digest != top.digest) {
        now.overtaken.emplace_back(name, top.digest);
        continue;
      }
      bool whole = false;
      auto record = jobs::complete_part(*store, name, top, whole);
      if (whole) now.whole.emplace_back(name, top.digest);
      if (!record && begun.contains(name)) record = begun_part(*store, name, top);
      // Who puts a record says that the name was pulled just now.
      if (record && !says_nothing_new(*store, *record)) now.records.push_back(std::move(*record));
    }
    return now;
  };
  state now = co_await offload(shared_.lanes, lane::files, std::move(look));
  if (!now.records.empty()) {
    const quiet_operation mine(stop);
    std::vector<std::pair<reference, digest>> written;
    for (const store::reference_record& one : now.records) written.emplace_back(one.name, one.top.digest);
    const result<void> recorded = co_await jobs::record(shared_, *mine.running(), store_, std::move(now.records));
    if (!recorded) {
      if (cannot_keep(recorded.error())) {
        note_unwritable(recorded.error());
      } else if (recorded.error().code != errc::cancelled) {
        note_(recorded.error().text.message());
      }
      touched_.merge(touched);
      begun_.merge(begun);
      co_return false;
    }
    for (const auto& [name, top] : written) incomplete_.note_recorded(name, top);
  }
  std::vector<std::pair<reference, digest>> settled = std::move(now.overtaken);
  settled.insert(settled.end(), now.whole.begin(), now.whole.end());
  for (const auto& [name, top] : settled) {
    const asked_name* known = incomplete_.find(name);
    if (known != nullptr && known->top.digest == top) incomplete_.erase(name);
  }
  // Whatever has its name needs no more.
  std::vector<digest> named;
  named.reserve(now.whole.size());
  for (const auto& [name, top] : now.whole) named.push_back(top);
  co_await kept_.release(std::move(named));
  co_return true;
}

}  // namespace gantry::serve
