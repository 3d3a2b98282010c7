#include "jobs/target_name.hpp"

#include "registry/manifest_requests.hpp"

#include <utility>

namespace gantry::jobs {

bool refuses_account(const transfer::context& shared, const reference& where, const failure& why) {
  return why.code == condition::not_authorised && shared.registry.refuses_account(where);
}

task<result<digest>> named_now(transfer::context& shared, reference target, runtime::stop_source& stop) {
  const auto found = co_await registry::head_manifest(shared.registry, target, stop, registry::precedence::registry_alone);
  if (found) co_return *found ? (*found)->digest : digest();
  if (refuses_account(shared, target, found.error())) co_return found.error();
  // A new repository answers like one that may not be read: writing shows which it is.
  if (found.error().code == errc::not_found || found.error().code == condition::not_authorised) co_return digest();
  co_return found.error();
}

task<result<bool>> names_already(transfer::context& shared, transfer::operation& running, reference target, digest top,
                                 std::optional<failure> tried) {
  auto ask = [&shared, &running, &tried, target]() -> task<result<digest>> {
    if (tried) co_return *std::exchange(tried, std::nullopt);
    co_return co_await named_now(shared, target, running.stop);
  };
  const auto named = co_await transfer::with_retry<digest>(shared, running, "manifest of " + target.familiar(), ask, target.registry());
  if (!named) co_return named.error();
  co_return *named == top;
}

}  // namespace gantry::jobs
