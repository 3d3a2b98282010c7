#include "jobs/early_connections.hpp"

#include <algorithm>

namespace gantry::jobs {
namespace {

// What the controller of connections starts with, the one for the configuration included.
constexpr unsigned early_if_adaptive = 5;
constexpr unsigned most_early = 8;

}  // namespace

void early_connections::open(const std::string& registry) {
  // With the connection that has brought the manifest, and what other pulls have open there, they are not more than will be used.
  const unsigned allowed = std::min(shared_.jobs, shared_.max_per_host);
  const unsigned wanted = std::min(allowed, shared_.adaptive ? early_if_adaptive : most_early);
  if (wanted < 2 || opened_) return;
  opened_ = true;
  opening_.spawn(shared_.registry.warm_up(registry, wanted, stop_));
}

task<> early_connections::close() {
  stop_.request_stop();
  co_await opening_.join();
}

}  // namespace gantry::jobs
