#include "jobs/keep.hpp"

#include <utility>

namespace gantry::jobs {

using runtime::lane;
using runtime::offload;

task<result<std::shared_ptr<store::lease>>> keep_all(transfer::context& shared, transfer::operation& running,
                                                     std::shared_ptr<store::content_store> store) {
  auto attempt = [store] { return store->try_lease(); };
  result<store::lease> had =
      co_await until_had<store::lease>(shared, running, "somebody cleans up the store; waiting for it", std::move(attempt));
  if (!had) co_return had.error();
  co_return std::make_shared<store::lease>(std::move(*had));
}

task<> keep_only(transfer::context& shared, std::shared_ptr<store::lease> lease, std::set<digest> blobs) {
  auto call = [lease = std::move(lease), blobs = std::move(blobs)] {
    lease->narrow(blobs);
    return true;
  };
  co_await offload(shared.lanes, lane::files, std::move(call));
}

task<> keep_no_longer(transfer::context& shared, std::shared_ptr<store::lease> lease) {
  auto call = [lease = std::move(lease)] {
    lease->release();
    return true;
  };
  co_await offload(shared.lanes, lane::files, std::move(call));
}

}  // namespace gantry::jobs
