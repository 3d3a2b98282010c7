// Whatever the network does, the image arrives, each byte is written once, and effort stays bounded.

#include "sim/cell.hpp"

#include <random>

using namespace gantry::test::sim;
using namespace std::chrono_literals;

namespace {

struct draw {
  std::minstd_rand random;

  bool one_in(unsigned n) { return random() % n == 0; }
  double between(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); }
  /// As likely between 1 and 10 as between 10 and 100.
  double magnitude(double low, double high) { return std::exp(between(std::log(low), std::log(high))); }
};

network any_network(draw& any) {
  network path;
  path.round_trip = std::chrono::microseconds(static_cast<long>(any.magnitude(100, 400'000)));
  path.handshake = any.one_in(2) ? 1 : 2;
  if (!any.one_in(4)) path.per_connection = any.magnitude(100e3, 100e6);
  if (any.one_in(2) || path.per_connection == 0) path.total = any.magnitude(200e3, 200e6);
  path.slow_start = !any.one_in(4);
  path.ranges = !any.one_in(6);
  path.redirects = any.one_in(2);
  if (any.one_in(4)) path.service = std::chrono::milliseconds(static_cast<long>(any.magnitude(1, 3000)));
  if (any.one_in(6)) path.longest_answer = static_cast<std::uint64_t>(any.magnitude(512e3, 8e6));
  if (any.one_in(6)) {
    path.most_connections = 1 + static_cast<unsigned>(any.random() % 8);
    path.retry_after = 1s;
  }
  if (any.one_in(2)) {
    path.fate = [](unsigned, std::minstd_rand& random) {
      draw luck{random};
      connection_fate fate;
      if (luck.one_in(10)) fate.stalls_after = static_cast<std::uint64_t>(luck.magnitude(1, 20e6));
      if (luck.one_in(40)) fate.stalls_after = 0;
      if (luck.one_in(10)) fate.resets_after = static_cast<std::uint64_t>(luck.magnitude(1, 20e6));
      if (luck.one_in(10)) fate.rate = luck.magnitude(1e3, 1e6);
      random = luck.random;
      return fate;
    };
  }
  return path;
}

workload any_workload(draw& any) {
  workload work;
  const unsigned blobs = 1 + static_cast<unsigned>(any.magnitude(1, 40));
  for (unsigned i = 0; i < blobs; ++i) work.blobs.push_back(static_cast<std::uint64_t>(any.magnitude(1, i == 0 ? 60e6 : 6e6)));
  work.connections = 1 + static_cast<unsigned>(any.random() % 16);
  work.adaptive = any.one_in(2);
  work.seed = static_cast<std::uint32_t>(any.random());
  if (any.one_in(3)) work.disk = std::chrono::microseconds(static_cast<long>(any.magnitude(10, 50'000)));
  return work;
}

}  // namespace

TEST_CASE("any image arrives over any network, each byte once, with bounded effort") {
  for (unsigned seed = 1; seed <= 1000; ++seed) {
    draw any{std::minstd_rand(seed * 7919)};
    const network path = any_network(any);
    const workload work = any_workload(any);
    const outcome result = simulate(path, work);
    INFO("seed " << seed << ": " << result.error << "; " << result.requests << " requests, " << result.opened << " connections, "
                 << result.refusals << " refusals, " << result.useful << " bytes, " << result.wire << " on the wire, " << result.seconds
                 << " s");
    REQUIRE(result.finished);
    REQUIRE(result.most_open <= work.connections);
    REQUIRE(result.early_ranges == 0);
    // A hedge may be overtaken by what it was to replace, but all of them together stay within their allowance.
    REQUIRE(result.hedged <= result.useful / 33 + 64 * KiB);
    const std::uint64_t answer = path.longest_answer != 0 ? std::min(path.longest_answer, MiB) : MiB;
    REQUIRE(result.requests <= 4 * (work.blobs.size() + result.opened) + 2 * result.refusals + 2 * result.useful / answer + 16);
  }
}
