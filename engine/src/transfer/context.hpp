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
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

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
  unsigned max_per_host = 1;  ///< of these for one registry and where it sends us, whatever they are for
  bool adaptive = false;      ///< the number of connections follows what the line gives, up to \ref jobs
  /// A request to a silent registry gives its permit to others after this time, and goes on without; 0: it keeps it.
  std::chrono::milliseconds lends_after{0};
  /// Keeps all operations together to \ref max_per_host.
  std::shared_ptr<host_turns> hosts = std::make_shared<host_turns>(std::max(max_per_host, 1u));
  /// Blobs that one of our own operations is fetching: who waits for these waits for nobody else.
  std::shared_ptr<std::multiset<digest>> fetching = std::make_shared<std::multiset<digest>>();
  /// One for each blob that is copied from another place: each has a thread for files most of the time, and others want two of the four.
  std::shared_ptr<runtime::semaphore> copies = std::make_shared<runtime::semaphore>(2);

  /// The same with a limit of its own; \p permits must outlive what works with it.
  context with_connections(runtime::semaphore& permits, unsigned count, bool adapts) const {
    return {executor, lanes, buffers, hash_buffers, hashes, permits, bandwidth, registry, retry, count, max_per_host, adapts, lends_after};
  }
};

/// Leave for requests that are under way at the same time; given back when destroyed. Empty when the wait for it was stopped.
class connection_grant {
 public:
  connection_grant() = default;
  connection_grant(host_turns::held turns, runtime::semaphore::permit permits) : turns_(std::move(turns)), permits_(std::move(permits)) {}

  explicit operator bool() const noexcept { return static_cast<bool>(permits_); }
  void reset() {
    permits_.reset();
    turns_.reset();
  }
  /// Takes a turn at each of \p registries and \p count permits out of this leave, as far as it goes.
  connection_grant split(const std::vector<std::string>& registries, std::size_t count) {
    host_turns::held turns = turns_.split(registries);
    return {std::move(turns), permits_.split(count)};
  }

 private:
  host_turns::held turns_;
  runtime::semaphore::permit permits_;
};

/// Waits until \p count requests, of which one goes to each of \p registries, may be under way. \p shared and \p stop must outlive the
/// task.
/// \param registries as host_turns::acquire \param count of \ref context::connections; no more than there are
task<connection_grant> connections_to(context& shared, std::vector<std::string> registries, std::size_t count, runtime::stop_source& stop);

/// The same for one request.
task<connection_grant> connection_to(context& shared, std::string registry, runtime::stop_source& stop);

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
/// permit, and a turn at each of \p registries, which are those that it asks.
template <class T, class Attempt>
task<result<T>> with_retry(context& shared, operation& running, std::string object, Attempt attempt, std::vector<std::string> registries) {
  retry_policy policy(shared.retry, jitter_seed());
  for (;;) {
    connection_grant grant = co_await connections_to(shared, registries, 1, running.stop);
    if (!grant) co_return failure(errc::cancelled, "stopped");
    std::optional<runtime::deadline> lending;
    if (shared.lends_after.count() > 0) lending.emplace(shared.executor, shared.lends_after, [&grant] { grant.reset(); });
    result<T> outcome = co_await attempt();
    lending.reset();
    grant.reset();
    if (outcome) {
      running.note_answer();
      co_return outcome;
    }
    std::optional<failure> last = co_await back_off(running, policy, object, outcome.error(), 0);
    if (last) co_return std::move(*last);
  }
}

/// The same for one registry.
template <class T, class Attempt>
task<result<T>> with_retry(context& shared, operation& running, std::string object, Attempt attempt, std::string registry) {
  std::vector<std::string> asked;
  asked.push_back(std::move(registry));
  return with_retry<T>(shared, running, std::move(object), std::move(attempt), std::move(asked));
}

}  // namespace gantry::transfer
