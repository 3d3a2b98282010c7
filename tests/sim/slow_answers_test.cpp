// Servers that need long for the first byte, as a cache that fetches a layer itself before it answers.

#include "sim/cell.hpp"

#include <cmath>
#include <vector>

using namespace gantry::test::sim;
using namespace std::chrono_literals;

namespace {

/// So small that none is fetched in parts.
std::vector<std::uint64_t> layers(unsigned count) { return std::vector<std::uint64_t>(count, 3 * MiB); }

network slow_with_first_byte(duration service) {
  network path = capped(20ms, 8 * MB);
  path.service = service;
  return path;
}

/// Each connection asks for its layers one after the other.
double ideal(const network& path, unsigned count, unsigned connections) {
  const double one = seconds(path.service + path.round_trip) + 3.0 * MiB / (8 * MB);
  return std::ceil(static_cast<double>(count) / connections) * one;
}

}  // namespace

TEST_CASE("layers that a server answers after twelve seconds are asked for once each") {
  const unsigned n = GENERATE(2u, 4u, 8u);
  const unsigned count = GENERATE(2u, 4u, 8u, 16u, 24u);
  CAPTURE(n, count);
  const network path = slow_with_first_byte(12s);
  const outcome result = checked(path, {layers(count), n});
  CHECK(result.requests <= count + 1);
  CHECK(result.seconds <= 1.1 * ideal(path, count, n));
}

TEST_CASE("one connection asks such a server for the first layer twice and for no other") {
  const unsigned count = GENERATE(8u, 16u);
  CAPTURE(count);
  const network path = slow_with_first_byte(12s);
  const outcome result = checked(path, {layers(count), 1});
  CHECK(result.requests <= count + 1);
  CHECK(result.seconds <= 1.1 * ideal(path, count, 1));
}

TEST_CASE("a connection count that adapts is no smaller for a server that is slow with the first byte") {
  const unsigned count = GENERATE(4u, 6u, 8u, 16u, 32u);
  const duration service = GENERATE(duration(3s), duration(12s));
  CAPTURE(count, seconds(service));
  network path = slow_with_first_byte(service);
  workload work{layers(count), 16};
  // A configuration that is there must not make the silence after it look like a narrow line.
  const bool config = GENERATE(false, true);
  if (config) {
    work.blobs.push_back(KiB);
    path.served_at_once = KiB;
  }
  work.adaptive = true;
  const outcome result = checked(path, work);
  CHECK(result.requests <= work.blobs.size() + 1);
  // It begins with four.
  CHECK(result.seconds <= 1.1 * ideal(path, count, 4));
}

TEST_CASE("where a server needs twenty seconds one request is given up for all") {
  const unsigned n = GENERATE(4u, 8u);
  CAPTURE(n);
  const network path = slow_with_first_byte(20s);
  const outcome result = checked(path, {layers(2 * n), n});
  CHECK(result.requests <= 2 * n + 1);
  // That one begins anew, and its connection may be the last to end.
  CHECK(result.seconds <= ideal(path, 2 * n, n) + 20);
}

TEST_CASE("when all first requests are lost one finds out, and the others follow") {
  const unsigned n = GENERATE(2u, 4u, 8u);
  CAPTURE(n);
  network path = capped(20ms, 8 * MB);
  path.fate = [n](unsigned number, std::minstd_rand&) {
    connection_fate fate;
    if (number < n) fate.stalls_after = 0;
    return fate;
  };
  const outcome result = checked(path, {layers(2 * n), n});
  // Near the end the rest of one may be shared.
  CHECK(result.requests <= 3 * n + 2);
  CHECK(result.seconds <= 20);
}
