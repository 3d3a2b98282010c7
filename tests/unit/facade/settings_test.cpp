#include "facade/settings.hpp"

#include "support/catch.hpp"

#include <cstdint>

using namespace gantry;

namespace {

int taken_ahead(std::uint64_t limit_rate, unsigned jobs) {
  engine_options options;
  options.limit_rate = limit_rate;
  options.jobs = jobs;
  return facade::connect_limits_of(options).receive_buffer;
}

}  // namespace

TEST_CASE("what the system takes ahead under a limit is an eighth of a second for all connections that there may be") {
  CHECK(taken_ahead(0, 4) == 0);
  CHECK(taken_ahead(40'000'000, 4) == 1'250'000);
  CHECK(taken_ahead(40'000'000, 16) == 312'500);
  // auto may come to sixteen.
  CHECK(taken_ahead(40'000'000, 0) == taken_ahead(40'000'000, 16));
  CHECK(taken_ahead(1'000'000, 16) == 32 << 10);
  CHECK(taken_ahead(1'000'000'000, 1) == 4 << 20);
}

TEST_CASE("one host has as many connections as the whole, unless it is told apart") {
  engine_options options;
  CHECK(facade::per_host_of(options) == 16);
  options.jobs = 40;
  CHECK(facade::per_host_of(options) == 40);
  options.max_per_host = 3;
  CHECK(facade::per_host_of(options) == 3);
}
