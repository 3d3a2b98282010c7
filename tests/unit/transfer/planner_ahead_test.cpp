// What is asked for before its turn, behind what is being answered.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

TEST_CASE("what is brief is asked for ahead while others are being answered, and no more of it than that") {
  planner_bench b(2);
  for (int i = 0; i < 8; ++i) b.open(10 * KiB);
  CHECK_FALSE(b.plan.next_ahead(b.now));  // nobody is being answered
  const assignment first = b.must();
  std::vector<assignment> ahead;
  while (const auto more = b.plan.next_ahead(b.now)) ahead.push_back(*more);
  REQUIRE(ahead.size() == 2);
  for (const assignment& one : ahead) {
    CHECK(one.ahead);
    CHECK(one.kind == segment_kind::whole);
    CHECK(one.blob != first.blob);
  }
  CHECK(b.plan.active() == 1);
  b.finish(ahead[0]);
  b.finish(first);
  CHECK_FALSE(b.plan.next_ahead(b.now));
  b.must();
  CHECK(b.plan.next_ahead(b.now));
}

TEST_CASE("nothing large, resumed or in trouble is asked for ahead") {
  planner_bench b(2);
  b.open(10 * KiB);
  b.must();
  SECTION("large") { b.open(8 * MiB); }
  SECTION("resumed") {
    byte_ranges held;
    held.add({0, KiB});
    b.open(10 * KiB, std::move(held));
  }
  SECTION("in trouble") { b.plan.troubled(b.open(10 * KiB)); }
  CHECK_FALSE(b.plan.next_ahead(b.now));
}

TEST_CASE("nothing is asked for behind what takes long") {
  planner_bench b(2);
  b.open(8 * MiB);
  b.must();
  b.open(10 * KiB);
  CHECK_FALSE(b.plan.next_ahead(b.now));
}

TEST_CASE("how much is brief follows from rate and round trip") {
  planner_bench b(1);
  b.round_trip = 100ms;
  CHECK(b.plan.brief() == 64 * KiB);
  b.open(1 * MiB);
  const assignment first = b.answered(range_support::unknown);
  b.flow(100ms, {{first, 10 * MiB}});
  b.plan.ended(first.stream);
  CHECK(b.plan.brief() > 512 * KiB);
  CHECK(b.plan.brief() < 2 * MiB);
}

}  // namespace
}  // namespace gantry::transfer
