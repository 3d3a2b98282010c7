#include "jobs/record_repair.hpp"

#include "jobs/complete_part.hpp"
#include "jobs/keep.hpp"
#include "jobs/record.hpp"
#include "model/manifest.hpp"
#include "transfer/fetcher.hpp"

#include <optional>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

using runtime::lane;
using runtime::offload;

/// What the store has of the document that the registry gave; nothing when it does not have that document.
std::optional<store::reference_record> held_part(const store::content_store& store, const reference& name,
                                                 const registry::document& given) {
  descriptor top = given.top;
  const auto type = model::detect_media_type(given.bytes, top.media_type);
  if (!type || !store.holds(top)) return std::nullopt;
  top.media_type = *type;
  bool whole = false;
  return complete_part(store, name, top, whole);
}

task<result<bool>> mend_record(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                               reference name) {
  auto ask = [&shared, &running, name] { return shared.registry.get_manifest(name, running.stop); };
  auto got = co_await transfer::with_retry<registry::document>(shared, running, "manifest of " + name.familiar(), ask, name.registry());
  if (!got) co_return got.error();
  auto find = [store, name, given = std::move(*got)] { return held_part(*store, name, given); };
  std::optional<store::reference_record> found = co_await offload(shared.lanes, lane::files, std::move(find));
  if (!found) co_return false;
  std::vector<store::reference_record> records;
  records.push_back(std::move(*found));
  const result<void> recorded = co_await record(shared, running, store, std::move(records));
  if (!recorded) co_return recorded.error();
  co_return true;
}

}  // namespace

task<result<bool>> repair_record(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, reference name) {
  // Trouble with one name is no reason to stop the whole.
  transfer::operation part(running->events);
  const runtime::stop_source::registration with_the_whole(running->stop, [&part] { part.request_stop(); });
  if (running->stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  task<result<bool>> mending = mend_record(shared, part, store, std::move(name));
  co_return co_await while_kept<bool>(shared, part, store, std::move(mending));
}

}  // namespace gantry::jobs
