#include "jobs/layer_facts.hpp"

#include "archive/inflating_reader.hpp"
#include "archive/layer_facts.hpp"
#include "runtime/task_group.hpp"

#include <cstddef>
#include <optional>
#include <utility>

namespace gantry::jobs {
namespace {

using runtime::task;

struct layer_work {
  std::vector<layer_claim> claims;
  std::size_t next = 0;
  layer_facts facts;
  std::optional<failure> error;
};

/// Takes one layer after the other; on the strand but for the inflating itself.
task<> take_turns(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
                  std::shared_ptr<layer_work> todo) {
  while (todo->next < todo->claims.size() && !todo->error) {
    const layer_claim claim = todo->claims[todo->next++];
    // Under another claim it is looked into again, which finds the contradiction.
    if (const auto known = todo->facts.find(claim.layer.digest); known != todo->facts.end() && known->second.diff_id == claim.diff_id)
      continue;
    auto call = [store, claim, running] { return learn_layer(*store, claim, running->stop_flag()); };
    const result<store::blob_meta> learnt = co_await runtime::offload(shared.lanes, runtime::lane::cpu, std::move(call));
    if (!learnt) {
      if (!todo->error) todo->error = learnt.error();
      co_return;
    }
    todo->facts.insert_or_assign(claim.layer.digest, *learnt);
  }
}

}  // namespace

result<store::blob_meta> learn_layer(store::content_store& store, const layer_claim& claim, const std::atomic<bool>& stop) {
  const auto& [layer, diff_id] = claim;
  store::blob_meta facts;
  if (layer.digest == diff_id) {
    // Not compressed: the digest of the blob is that of its content.
    facts.diff_id = diff_id;
    facts.raw_size = layer.size;
    return facts;
  }
  if (const std::optional<store::blob_meta> known = store.meta(layer.digest)) {
    if (known->diff_id == diff_id) return *known;
    if (known->diff_id.algorithm() == diff_id.algorithm()) return archive::wrong_diff_id(layer, diff_id, known->diff_id);
  }
  const result<std::unique_ptr<model::blob_reader>> opened = store.open(layer);
  if (!opened) return opened.error();
  const result<store::blob_meta> learnt = archive::inspect_layer(**opened, layer, diff_id, stop);
  if (!learnt) return learnt.error();
  // A store that cannot be written costs another pass next time.
  [[maybe_unused]] const result<void> kept = store.put_meta(layer.digest, *learnt);
  return *learnt;
}

task<result<layer_facts>> learn_layers(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                       std::shared_ptr<store::content_store> store, std::vector<layer_claim> claims, layer_facts known) {
  auto todo = std::make_shared<layer_work>();
  todo->facts = std::move(known);
  todo->claims = std::move(claims);
  runtime::task_group group(shared.executor);
  for (unsigned i = 0; i < layers_at_once && i < todo->claims.size(); ++i) group.spawn(take_turns(shared, running, store, todo));
  co_await group.join();
  if (todo->error) co_return *todo->error;
  co_return std::move(todo->facts);
}

}  // namespace gantry::jobs
