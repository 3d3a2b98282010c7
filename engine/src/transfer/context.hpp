#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/deadline.hpp"
#include "runtime/lanes.hpp"
#include "runtime/semaphore.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "transfer/hash_scheduler.hpp"
#include "transfer/host_turns.hpp"
#include "transfer/limiter.hpp"
#include "transfer/operation.hpp"
#include "transfer/pace_monitor.hpp"
#include "transfer/retry_policy.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>

namespace gantry::transfer {

/// What one engine's transfers work with; outlives all operations.
struct context {
  runtime::executor executor;
  runtime::lanes& lanes;
  runtime::buffer_pool& buffers;       ///< what streams receive into
  runtime::buffer_pool& hash_buffers;  ///< what is read back to be hashed; apart, so that streams cannot starve the hash that they wait for
  hash_scheduler& hashes;
  runtime::semaphore& connections;  ///< one permit per request under way
  limiter& bandwidth;               ///< what bytes of blobs wait for
  registry::registry_client& registry;
  retry_policy::parameters retry;
  unsigned jobs = 1;          ///< permits of \ref connections
  unsigned max_per_host = 1;  ///< of these for one registry and where it sends us
  bool adaptive = false;      ///< the number of connections follows what the line gives, up to \ref jobs
  /// A request to a silent registry gives its permit to others after this time, and goes on without; 0: it keeps it.
  std::chrono::milliseconds lends_after{0};
  /// Keeps all operations together to \ref max_per_host.
  std::shared_ptr<host_turns> hosts = std::make_shared<host_turns>(std::max(max_per_host, 1u));

  /// The same with a limit of its own; \p permits must outlive what works with it.
  context with_connections(runtime::semaphore& permits, unsigned count, bool adapts) const {
    return {executor, lanes, buffers, hash_buffers, hashes, permits, bandwidth, registry, retry, count, max_per_host, adapts, lends_after};
  }
};

/// A seed for jitter; needs no quality, only difference.
inline std::uint32_t jitter_seed() {
  thread_local std::minstd_rand source{std::random_device{}()};
  return static_cast<std::uint32_t>(source());
}

/// \p error as the end of all attempts: says how many there were.
failure give_up(const retry_policy& policy, failure error);

/// Reports a failed attempt and waits. \returns nothing when there will be another attempt, else the failure that ends it: \p error itself,
/// or errc::cancelled.
task<std::optional<failure>> back_off(operation& running, retry_policy& policy, std::string object, failure error, std::uint64_t progress);

/// Tries \p attempt, a function that returns task<result<T>>, until it succeeds or the policy gives up. Each try holds one connection
/// permit.
/// \param registry that is asked; empty: \p attempt is not counted for any
template <class T, class Attempt>
task<result<T>> with_retry(context& shared, operation& running, std::string object, Attempt attempt, std::string registry = {}) {
  retry_policy policy(shared.retry, jitter_seed());
  for (;;) {
    runtime::semaphore::permit turn;
    if (!registry.empty()) {
      turn = co_await shared.hosts->acquire(registry, running.stop);
      if (!turn) co_return failure(errc::cancelled, "stopped");
    }
    runtime::semaphore::permit permit = co_await shared.connections.acquire(1, running.stop);
    if (!permit) co_return failure(errc::cancelled, "stopped");
    std::optional<runtime::deadline> lending;
    if (shared.lends_after.count() > 0)
      lending.emplace(shared.executor, shared.lends_after, [&permit, &turn] {
        permit.reset();
        turn.reset();
      });
    result<T> outcome = co_await attempt();
    lending.reset();
    permit.reset();
    turn.reset();
    if (outcome) {
      running.note_answer();
      co_return outcome;
    }
    std::optional<failure> last = co_await back_off(running, policy, object, outcome.error(), 0);
    if (last) co_return std::move(*last);
  }
}

}  // namespace gantry::transfer
