#include "unit/transfer/planner_bench.hpp"

#include <limits>

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

TEST_CASE("what has been asked for may be under way at its host before it is answered, and what waits for its turn is not") {
  planner_bench t(4);
  const blob_id blob = t.open(200 * MiB);
  const assignment first = t.answered();
  const assignment second = t.must();
  t.must();
  CHECK(t.plan.served_at_most(blob) == 1);
  t.plan.asks(second.stream, t.now);
  CHECK(t.plan.served_at_most(blob) == 2);
  CHECK(t.plan.served() == 1);
  t.header(second);
  CHECK(t.plan.served() == 2);
  t.plan.ended(first.stream);
  CHECK(t.plan.served_at_most(blob) == 1);
}

TEST_CASE("an answer is certainly being sent while more of it is to come than sockets hold") {
  planner_bench t(1);
  const blob_id blob = t.open(8 * MiB);
  const assignment given = t.answered();
  REQUIRE(given.range.length == 8 * MiB);
  t.receive(given, 6 * MiB + 512 * KiB);
  CHECK(t.plan.served() == 1);
  t.plan.unread(given.stream, 512 * KiB);
  CHECK(t.plan.served() == 0);
  CHECK(t.plan.served_at_most(blob) == 1);
}

TEST_CASE("what several hosts are at work on says nothing of one") {
  planner_bench t(4);
  const blob_id here = t.plan.add(100 * MiB, 7);
  const blob_id there = t.plan.add(90 * MiB, 9);
  t.plan.open(here, {});
  const assignment given = t.answered();
  CHECK(t.plan.served() == 1);
  t.plan.open(there, {});
  t.plan.assume_ranges();
  t.plan.leave_alone(here, t.now, t.now + 1s);
  const assignment other = t.answered();
  REQUIRE(other.blob == there);
  CHECK(t.plan.served() == 0);
  CHECK(t.plan.served_at_most(here) == std::numeric_limits<unsigned>::max());
  t.plan.ended(given.stream);
  CHECK(t.plan.served_at_most(there) == 1);
  CHECK(t.plan.served_at_most(here) == std::numeric_limits<unsigned>::max());
}

TEST_CASE("after refusals a slow stream is helped as before, a fast one with more at a time") {
  const auto refused = [](std::uint64_t rate) {
    planner_bench t(2);
    const blob_id blob = t.open(8 * MiB);
    t.plan.add(200 * MiB);  // for later: three per cent of all may be lost by cuts
    const assignment first = t.answered();
    const assignment second = t.answered();
    const std::uint64_t part = t.plan.remaining(second.stream);
    t.flow(std::chrono::milliseconds(1000 * part / rate + 100), {{first, rate / 4}, {second, rate}});
    REQUIRE(t.plan.remaining(second.stream) == 0);
    for (int i = 0; i < 3; ++i) {
      t.plan.leave_alone(blob, t.now, t.now + 1ms);
      t.now += 10ms;
    }
    t.plan.ended(second.stream);
    return t.next();
  };
  CHECK(refused(100'000));
  CHECK_FALSE(refused(2'000'000));
}

}  // namespace
}  // namespace gantry::transfer
