#include "transfer/context.hpp"

#include "base/format.hpp"

#include <fmt/format.h>

namespace gantry::transfer {

task<connection_grant> connections_to(context& shared, std::vector<std::string> registries, std::size_t count, runtime::stop_source& stop) {
  host_turns::held turns = co_await shared.hosts->acquire(std::move(registries), stop);
  if (!turns) co_return connection_grant();
  runtime::semaphore::permit permits = co_await shared.connections.acquire(count, stop);
  if (!permits) co_return connection_grant();
  co_return connection_grant(std::move(turns), std::move(permits));
}

task<connection_grant> connection_to(context& shared, std::string registry, runtime::stop_source& stop) {
  std::vector<std::string> one;
  one.push_back(std::move(registry));
  return connections_to(shared, std::move(one), 1, stop);
}

failure give_up(const retry_policy& policy, failure error) {
  if (policy.failures() < 2) return error;
  failure last(error.code, fmt::format("{} (after {} attempts)", error.text.message(), policy.failures()), error.text.server_message());
  last.retry_after = error.retry_after;
  return last;
}

task<std::optional<failure>> back_off(operation& running, retry_policy& policy, std::string object, failure error, std::uint64_t progress) {
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  // Nobody has tried that again: attempts that failed before it did so for other reasons.
  if (error.code != condition::retryable) co_return error;
  const auto delay = policy.after(error, progress, running.idle(), running.answered_before(error));
  if (!delay) co_return give_up(policy, std::move(error));
  running.events.emit(retry_scheduled{std::move(object), policy.failures(), *delay, error.code, error.text.message()});
  const bool slept = co_await runtime::sleep_for(*delay, running.stop);
  if (!slept) co_return failure(errc::cancelled, "stopped");
  co_return std::nullopt;
}

}  // namespace gantry::transfer
