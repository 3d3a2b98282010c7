// The rows of the budget table that depend on scheduling alone, with a fixed number of connections.

#include "sim/cell.hpp"

using namespace gantry::test::sim;
using namespace std::chrono_literals;

TEST_CASE("a fat layer over connections with a cap takes at most a tenth longer than its bytes") {
  const unsigned n = GENERATE(1u, 2u, 4u, 8u);
  const duration round_trip = GENERATE(duration(1ms), duration(20ms), duration(40ms));
  CAPTURE(n, seconds(round_trip));
  const outcome result = checked(capped(round_trip, 10 * MB), {{724 * MiB}, n});
  CHECK(result.seconds <= 1.10 * static_cast<double>(result.useful) / (n * 10 * MB));
  CHECK(result.extra() <= 0.03);
  CHECK(result.opened == n);
}

TEST_CASE("many connections over a long way lose no more than their warm-up on top") {
  const unsigned n = GENERATE(8u, 16u);
  const duration round_trip = GENERATE(duration(40ms), duration(100ms), duration(200ms));
  CAPTURE(n, seconds(round_trip));
  const network path = capped(round_trip, 10 * MB);
  const outcome result = checked(path, {{724 * MiB}, n});
  CHECK(result.seconds <= 1.10 * (static_cast<double>(result.useful) / (n * 10 * MB) + warm_up(path, 10 * MB)));
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("a long fat path is filled") {
  const unsigned n = GENERATE(4u, 8u, 16u);
  CAPTURE(n);
  network path = shared(50ms, 0.94 * 125 * MB);
  path.handshake = 2;
  const outcome result = checked(path, {{724 * MiB}, n});
  CHECK(result.seconds <= 1.10 * (static_cast<double>(result.useful) / path.total + seconds(path.setup())));
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("connections of different speed end together") {
  const unsigned n = GENERATE(4u, 8u, 16u);
  const std::uint32_t seed = GENERATE(1u, 2u, 3u, 4u, 5u);
  CAPTURE(n, seed);
  network path = capped(20ms, 10 * MB);
  double total = 0;
  path.fate = [&total, n](unsigned number, std::minstd_rand& random) {
    connection_fate fate;
    fate.rate = std::uniform_real_distribution<double>(4 * MB, 10 * MB)(random);
    if (number < n) total += fate.rate;
    return fate;
  };
  workload work{{724 * MiB}, n};
  work.seed = seed;
  const outcome result = checked(path, work);
  CHECK(result.seconds <= 1.12 * static_cast<double>(result.useful) / total);
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("an image whose largest layer has most bytes takes no longer than its bytes") {
  const unsigned n = GENERATE(1u, 2u, 4u, 8u, 16u);
  CAPTURE(n);
  const network path = capped(40ms, 10 * MB);
  const std::vector<std::uint64_t> layers{69 * MiB, 20 * MiB, 12 * MiB, 6 * MiB, 3 * MiB, MiB, 500 * KiB, 3 * KiB, KiB};
  const outcome result = checked(path, {layers, n});
  const double ideal = static_cast<double>(result.useful) / (n * 10 * MB);
  CHECK(result.seconds <= 1.15 * (ideal + warm_up(path, 10 * MB)));
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("small layers cost a request each and nothing else") {
  const unsigned n = GENERATE(1u, 4u, 8u);
  CAPTURE(n);
  const network path = shared(100ms, 125 * MB);
  const outcome result = checked(path, {std::vector<std::uint64_t>(60, 700 * KiB), n});
  CHECK(result.requests == 60);
  CHECK(result.opened == n);
  const double rounds = std::ceil(60.0 / n);
  CHECK(result.seconds <= rounds * 0.1 + static_cast<double>(result.useful) / path.total + warm_up(path, path.total / n));
}

TEST_CASE("small layers far away are asked for three at a time on each connection") {
  const unsigned n = GENERATE(1u, 2u, 4u, 8u);
  CAPTURE(n);
  network path = shared(100ms, 125 * MB);
  path.slow_start = false;
  const outcome result = checked(path, {std::vector<std::uint64_t>(60, 700 * KiB), n});
  CHECK(result.requests == 60);
  CHECK(result.opened == n);
  CHECK(result.followed >= 30);
  CHECK(result.extra() == 0);
  const double rounds = std::ceil(60.0 / (3 * n));
  CHECK(result.seconds <= 2 * seconds(path.setup()) + rounds * 0.1 + static_cast<double>(result.useful) / path.total);
}

TEST_CASE("four small layers over an ocean take a request each") {
  const outcome result = checked(shared(100ms, 125 * MB), {{1500 * KiB, 900 * KiB, 600 * KiB, 223 * KiB}, 4});
  CHECK(result.requests == 4);
  CHECK(result.opened == 4);
  CHECK(result.extra() == 0);
  // Connect, ask, and the doublings that 1,500 KiB need.
  CHECK(result.seconds <= 0.1 * (2 + 5.5));
}

TEST_CASE("one connection asks for each layer once") {
  const network path = capped(40ms, 10 * MB);
  const outcome result = checked(path, {{724 * MiB, 30 * MiB, 2 * KiB}, 1});
  CHECK(result.requests == 3);
  CHECK(result.opened == 1);
  CHECK(result.extra() == 0);
}

TEST_CASE("an origin without ranges serves each layer in one stream") {
  network path = capped(40ms, 10 * MB);
  path.ranges = false;
  const outcome result = checked(path, {{100 * MiB, 50 * MiB, 3 * MiB}, 8});
  CHECK(result.requests <= 4);
  CHECK(result.seconds <= 1.05 * static_cast<double>(100 * MiB) / (10 * MB));
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("a redirect is followed once for each layer") {
  network path = capped(40ms, 10 * MB);
  path.redirects = true;
  path.handshake = 2;
  const outcome result = checked(path, {{100 * MiB, 50 * MiB, 3 * MiB}, 8});
  const double ideal = static_cast<double>(result.useful) / (80 * MB);
  CHECK(result.seconds <= 1.10 * (ideal + warm_up(path, 10 * MB) + 3 * seconds(path.round_trip)));
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("a layer that the origin fetches itself is asked for once until it answers") {
  network path = capped(20ms, 10 * MB);
  path.service = 5s;
  const outcome result = checked(path, {{40 * MiB}, 8});
  CHECK(result.early_ranges == 0);
  CHECK(result.extra() <= 0.03);
}

TEST_CASE("an answer that ends early costs a request and no failure") {
  network path = capped(20ms, 10 * MB);
  path.longest_answer = MiB;
  const outcome result = checked(path, {{100 * MiB}, 4});
  CHECK(result.requests <= 110);
  CHECK(result.opened == 4);
  CHECK(result.seconds <= 1.35 * static_cast<double>(result.useful) / (40 * MB));
}

TEST_CASE("nothing is received far ahead of a slow head") {
  network path = capped(40ms, 40 * MB);
  // Slow, but not so slow that it is replaced.
  path.fate = [](unsigned number, std::minstd_rand&) {
    connection_fate fate;
    if (number == 0) fate.rate = 14 * MB;
    return fate;
  };
  workload work{{4096 * MiB}, 16};
  work.disk = 5ms;
  const outcome result = checked(path, work);
  // The limit is where a segment begins.
  CHECK(result.ahead <= (256 + 12) * MiB);
  CHECK(result.extra() <= 0.03);
}
