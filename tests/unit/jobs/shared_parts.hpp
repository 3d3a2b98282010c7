#pragma once

#include "http/client.hpp"
#include "net/connector.hpp"
#include "registry/registry_client.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_scheduler.hpp"
#include "transfer/limiter.hpp"

#include "support/loop.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace gantry::test {

/// Settings of a client to which \p host, of a registry that the test has started, speaks plain http.
inline registry::registry_settings plain_http_to(std::string host) {
  registry::registry_settings made;
  made.plain_http = {std::move(host)};
  return made;
}

/// What the operations of an engine share, small: four connections, and deadlines that end a test that stands still.
struct shared_parts {
  explicit shared_parts(registry::registry_settings settings = {}) : client(http, workers, std::move(settings)) {}

  test::loop loop;  // outlives the workers
  runtime::lanes workers;
  runtime::buffer_pool buffers{loop.executor, 4};
  runtime::buffer_pool hash_buffers{loop.executor, 4};
  runtime::semaphore permits{4};
  net::connector connections{workers, net::connect_limits{std::chrono::seconds(10), std::chrono::seconds(10)}};
  http::client http{connections, http::exchange_limits{std::chrono::seconds(5), std::chrono::seconds(5)},
                    [](const http::origin&) { return net::tls_settings(); }};
  registry::registry_client client;
  transfer::hash_scheduler hashes{loop.executor, workers};
  transfer::limiter bandwidth{0};
  transfer::context shared{loop.executor,
                           workers,
                           buffers,
                           hash_buffers,
                           hashes,
                           permits,
                           bandwidth,
                           client,
                           {3, std::chrono::milliseconds(10), std::chrono::seconds(5)},
                           4,
                           4};
};

}  // namespace gantry::test
