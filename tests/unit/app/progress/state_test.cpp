#include "progress/state.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::app;
using namespace std::chrono_literals;

namespace {

digest of(char digit) {
  error_code ec;
  return digest::parse("sha256:" + std::string(64, digit), ec);
}

const progress_clock::time_point start{1h};

transfer_planned plan_of(std::size_t blobs, std::uint64_t bytes) {
  transfer_planned plan;
  plan.blobs = blobs;
  plan.bytes = bytes;
  return plan;
}

}  // namespace

TEST_CASE("bytes count once: held, resumed, received") {
  progress_state state;
  state.apply(plan_of(2, 1000), start);
  state.apply(blob_started{of('a'), 600, 100, blob_role::layer}, start);
  state.apply(blob_started{of('b'), 400, 0, blob_role::config}, start);
  CHECK(state.bytes_done() == 100);
  state.apply(blob_progress{of('a'), 300}, start);
  CHECK(state.bytes_done() == 300);
  state.apply(blob_finished{of('a'), 600, false}, start);
  CHECK(state.bytes_done() == 600);
  CHECK(state.blobs_done() == 1);
  CHECK(state.active().size() == 1);
  state.apply(blob_finished{of('b'), 400, false}, start);
  CHECK(state.bytes_done() == 1000);
  CHECK(state.blobs_done() == 2);
  CHECK(state.active().empty());
}

TEST_CASE("manifests are shown while they travel and are no part of the plan") {
  progress_state state;
  state.apply(plan_of(1, 10), start);
  state.apply(blob_started{of('a'), 500, 0, blob_role::manifest}, start);
  state.apply(blob_finished{of('a'), 500, false}, start);
  CHECK(state.bytes_done() == 0);
  CHECK(state.blobs_done() == 0);
}

TEST_CASE("bytes that turned out wrong are taken back and never exceed the plan") {
  progress_state state;
  state.apply(plan_of(1, 100), start);
  state.apply(blob_started{of('a'), 100, 0, blob_role::layer}, start);
  state.apply(blob_progress{of('a'), 90}, start);
  state.apply(blob_progress{of('a'), 10}, start);
  CHECK(state.bytes_done() == 10);
  state.apply(blob_progress{of('a'), 5000}, start);
  CHECK(state.bytes_done() == 100);
  state.apply(blob_progress{of('b'), 5000}, start);
  CHECK(state.bytes_done() == 100);
}

TEST_CASE("the rate follows the last seconds and falls to zero in a stall") {
  progress_state state;
  state.apply(plan_of(1, 100'000'000), start);
  state.apply(blob_started{of('a'), 100'000'000, 0, blob_role::layer}, start);
  for (unsigned i = 1; i <= 100; ++i) state.apply(blob_progress{of('a'), i * 100'000ULL}, start + i * 100ms);
  CHECK(state.rate(start + 10s) == Approx(1e6).epsilon(0.05));
  REQUIRE(state.remaining(start + 10s));
  CHECK(state.remaining(start + 10s)->count() == Approx(90).epsilon(0.05));
  CHECK(state.rate(start + 16s) == Approx(0.0));
  CHECK_FALSE(state.remaining(start + 16s));
}

TEST_CASE("waiting ends with the next byte and a new operation forgets the last") {
  progress_state state;
  state.begin("a");
  state.apply(plan_of(1, 100), start);
  state.apply(waiting{"the rate limit"}, start);
  CHECK(state.waiting() == "the rate limit");
  state.apply(blob_started{of('a'), 100, 0, blob_role::layer}, start);
  CHECK(state.waiting().empty());
  state.begin("b");
  CHECK(state.title() == "b");
  CHECK_FALSE(state.planned());
  CHECK(state.active().empty());
}

TEST_CASE("what was read to its end moved, though nothing was fetched") {
  progress_state state;
  state.begin("x");
  state.apply(transfer_planned{1, 100'000, 0, 0}, start);
  state.apply(blob_started{of('a'), 100'000, 0, blob_role::layer}, start);
  state.apply(blob_progress{of('a'), 40'000}, start + 1s);
  const double before = state.rate(start + 2s);
  state.apply(blob_finished{of('a'), 100'000, true}, start + 2s);
  CHECK(state.bytes_done() == 100'000);
  CHECK(state.rate(start + 2s) > before);
}
