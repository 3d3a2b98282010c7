#include "facade/settings.hpp"

#include "config/proxy.hpp"
#include "registry/registry_client.hpp"

#include <algorithm>
#include <string>

namespace gantry::facade {
namespace {

// PERFORMANCE, "Adaptive count": the most that is tried when nobody says otherwise.
constexpr unsigned most_jobs = 16;

}  // namespace

unsigned jobs_of(const engine_options& options) { return options.jobs != 0 ? options.jobs : most_jobs; }

unsigned per_host_of(const engine_options& options) {
  return options.max_per_host != 0 ? options.max_per_host : std::max(most_jobs, jobs_of(options));
}

std::size_t hash_buffers_of(std::size_t cores) { return std::clamp<std::size_t>(cores + 2, 4, 8); }

std::size_t spare_buffers_of(std::size_t jobs) { return std::max<std::size_t>(jobs / 8, jobs < 12 ? 8 : 2); }

std::size_t buffers_of(std::size_t jobs) { return std::max<std::size_t>(most_jobs, jobs) + spare_buffers_of(jobs); }

net::connect_limits connect_limits_of(const engine_options& options) {
  net::connect_limits limits{options.timeouts.connect, options.timeouts.tls, 0};
  if (options.limit_rate == 0) return limits;
  // What the system takes ahead is over the limit at the start, once for each connection: together an eighth of a second's
  // worth, also when auto has come to all of its connections. Not less than what keeps a line of 100 ms at 320 KB/s, since one
  // connection alone has to do for small layers.
  const std::uint64_t connections = jobs_of(options);
  limits.receive_buffer = static_cast<int>(std::clamp<std::uint64_t>(options.limit_rate / 8 / connections, 32 << 10, 4 << 20));
  return limits;
}

http::exchange_limits exchange_limits_of(const engine_options& options) {
  return {options.timeouts.header, options.timeouts.idle, options.budget};
}

http::routes routes_of(const engine_options& options) {
  http::routes routes;
  for (const std::string& registry : options.insecure) {
    const auto endpoint = http::endpoint_of(registry::api_address(registry), "https");
    routes.unverified.insert(endpoint ? endpoint->authority() : registry);
  }
  if (!options.ca_cert.empty()) routes.ca_files.push_back(options.ca_cert);
  routes.ca_files.insert(routes.ca_files.end(), options.ca_bundles.begin(), options.ca_bundles.end());
  routes.proxies = config::proxy_rules(options.proxies);
  routes.aliases.emplace("registry-1.docker.io:443", "docker.io");
  return routes;
}

}  // namespace gantry::facade
