#pragma once

#include "sim/simulator.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace gantry::test::sim {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;
constexpr double MB = 1e6;

inline double seconds(duration value) { return std::chrono::duration<double>(value).count(); }

/// A path whose connections have a rate each.
inline network capped(duration round_trip, double rate) {
  network path;
  path.round_trip = round_trip;
  path.per_connection = rate;
  return path;
}

/// A path whose connections share a rate.
inline network shared(duration round_trip, double rate) {
  network path;
  path.round_trip = round_trip;
  path.total = rate;
  return path;
}

/// What cannot be saved before the first bytes flow at full rate: the probe, the setup of the others, slow start.
inline double warm_up(const network& path, double rate_of_one) {
  const double round_trip = seconds(path.round_trip);
  const double doublings = std::max(0.0, std::log2(rate_of_one * round_trip / (10 * 1460)));
  return 2 * seconds(path.setup()) + doublings * round_trip;
}

/// Runs a cell that must succeed, and checks what holds in all of them.
inline outcome checked(const network& path, const workload& work) {
  outcome result = simulate(path, work);
  UNSCOPED_INFO(result.seconds << " s, " << result.requests << " requests, " << result.opened << " connections, " << 100 * result.extra()
                               << " % extra, " << result.ahead / MiB << " MiB ahead; " << result.error);
  REQUIRE(result.finished);
  CHECK(result.most_open <= work.connections);
  CHECK(result.early_ranges == 0);
  return result;
}

}  // namespace gantry::test::sim
