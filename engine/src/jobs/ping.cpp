#include "jobs/ping.hpp"

#include "http/url.hpp"

#include <utility>

namespace gantry::jobs {

task<result<ping_result>> ping(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::string registry) {
  const auto host = http::endpoint_of(registry, "https");
  if (!host) co_return host.error();
  auto ask = [&shared, running, registry] { return shared.registry.get_base(registry, running->stop); };
  auto seen = co_await transfer::with_retry<registry::ping>(shared, *running, registry, ask, registry);
  if (!seen) co_return seen.error();
  ping_result answer;
  answer.endpoint = std::move(seen->endpoint);
  answer.authenticated = seen->authenticated;
  co_return answer;
}

}  // namespace gantry::jobs
