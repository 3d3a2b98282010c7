#include "transfer/rate_meter.hpp"

#include "support/catch.hpp"

using gantry::transfer::rate_meter;
using namespace std::chrono_literals;

namespace {
const rate_meter::time_point start{std::chrono::seconds(100)};
}

TEST_CASE("a rate is unknown until the first window has passed") {
  rate_meter meter(start);
  meter.add(start + 100ms, 1000);
  CHECK(meter.rate(start + 249ms) == 0);
  CHECK(meter.rate(start + 250ms) == Approx(4000));
}

TEST_CASE("a steady stream has its rate") {
  rate_meter meter(start);
  for (int i = 1; i <= 100; ++i) meter.add(start + i * 20ms, 2000);
  CHECK(meter.rate(start + 2s) == Approx(100'000).epsilon(0.02));
}

TEST_CASE("silence halves a rate with each window, however seldom it is looked at") {
  const bool often = GENERATE(false, true);
  rate_meter meter(start);
  meter.add(start + 200ms, 250'000);
  REQUIRE(meter.rate(start + 250ms) == Approx(1'000'000));
  if (often) {
    for (int i = 1; i < 4; ++i) meter.rate(start + 250ms + i * 250ms);
  }
  CHECK(meter.rate(start + 1250ms) == Approx(62'500).epsilon(0.01));
}

TEST_CASE("a stream that begins after a silent window is not averaged with it") {
  rate_meter meter(start);
  CHECK(meter.rate(start + 300ms) == 0);
  meter.add(start + 500ms, 100'000);
  CHECK(meter.rate(start + 800ms) > 100'000);
}
