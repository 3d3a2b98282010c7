// What the answers to ranges tell, and what follows for a blob.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

TEST_CASE("nothing else of a blob is asked for before the header of its probe") {
  planner_bench t(4);
  t.open(100 * MiB);
  const assignment probe = t.must();
  CHECK(probe.kind == segment_kind::probe);
  CHECK(probe.range == byte_range{0, 4 * MiB});
  CHECK_FALSE(t.next());
  t.header(probe);
  const assignment second = t.must();
  CHECK(second.kind == segment_kind::segment);
  CHECK(second.range.offset == 4 * MiB);
}

TEST_CASE("an origin that has answered with a range is not probed again") {
  planner_bench t(8);
  t.open(100 * MiB);
  t.open(90 * MiB);
  const assignment first = t.must();
  const assignment other = t.must();
  CHECK(other.kind == segment_kind::probe);
  CHECK(other.blob != first.blob);
  CHECK_FALSE(t.next());
  t.header(first);
  CHECK(t.must(other.blob).blob == other.blob);
}

TEST_CASE("an answer that ends before its range leaves a gap") {
  planner_bench t(2);
  t.open(64 * MiB);
  const assignment probe = t.must();
  t.now += t.round_trip;
  t.plan.header(probe.stream, t.now, range_support::yes, 0, MiB);
  CHECK(t.plan.remaining(probe.stream) == MiB);
  CHECK(t.must().range.offset == MiB);
}

TEST_CASE("a probe answered with the whole becomes the only stream of its blob") {
  planner_bench t(4);
  t.open(100 * MiB);
  const assignment probe = t.answered(range_support::no);
  CHECK(t.plan.remaining(probe.stream) == 100 * MiB);
  CHECK_FALSE(t.next());
  t.flow(1s, {{probe, 5'000'000}});
  CHECK_FALSE(t.next());
  t.plan.ended(probe.stream);
  const assignment again = t.must();
  CHECK(again.kind == segment_kind::whole);
  CHECK(again.range == byte_range{0, 100 * MiB});
  t.header(again, range_support::unknown);
  CHECK(t.receive(again, MiB).empty());
}

TEST_CASE("one whole answer among parts is a mistake, a second without progress is not") {
  planner_bench t(2);
  const blob_id blob = t.open(100 * MiB);
  const assignment probe = t.must();
  CHECK_FALSE(t.plan.whole_by_mistake(probe.stream));
  t.header(probe);
  assignment odd = t.must(blob);
  CHECK(t.plan.whole_by_mistake(odd.stream));
  t.plan.ended(odd.stream);
  t.receive(probe, MiB);
  odd = t.must(blob);
  CHECK(t.plan.whole_by_mistake(odd.stream));
  t.plan.ended(odd.stream);
  t.receive(probe, 1000);
  odd = t.must(blob);
  CHECK_FALSE(t.plan.whole_by_mistake(odd.stream));
}

TEST_CASE("a range refused in two attempts means that there are no parts, of the other blobs neither") {
  planner_bench t(4);
  const blob_id blob = t.open(100 * MiB);
  const assignment first = t.must();
  REQUIRE(first.kind == segment_kind::probe);
  t.now += 10ms;
  CHECK_FALSE(t.plan.unsatisfied(first.stream, t.now));
  t.plan.ended(first.stream);
  t.plan.troubled(blob);
  t.now += 500ms;
  const assignment second = t.must();
  REQUIRE(second.kind == segment_kind::probe);
  t.now += 10ms;
  CHECK(t.plan.unsatisfied(second.stream, t.now));
  t.plan.ended(second.stream);
  const assignment whole = t.must();
  CHECK(whole.kind == segment_kind::whole);
  CHECK(whole.range == byte_range{0, 100 * MiB});
  t.open(90 * MiB);
  CHECK(t.must().kind == segment_kind::whole);
}

TEST_CASE("ranges that are refused at a time are one attempt") {
  planner_bench t(4);
  t.plan.assume_ranges();
  const blob_id blob = t.open(100 * MiB);
  const assignment one = t.must();
  const assignment other = t.must(blob);
  t.now += 10ms;
  CHECK_FALSE(t.plan.unsatisfied(one.stream, t.now));
  CHECK_FALSE(t.plan.unsatisfied(other.stream, t.now));
}

TEST_CASE("a range refused among parts that come costs an attempt, and after progress another") {
  planner_bench t(2);
  const blob_id blob = t.open(100 * MiB);
  const assignment probe = t.answered();
  for (int i = 0; i < 3; ++i) {
    t.receive(probe, MiB);
    t.now += 10ms;
    const assignment odd = t.must(blob);
    t.now += 10ms;
    CHECK_FALSE(t.plan.unsatisfied(odd.stream, t.now));
    t.plan.ended(odd.stream);
  }
  t.now += 10ms;
  const assignment odd = t.must(blob);
  CHECK(t.plan.unsatisfied(odd.stream, t.now));
}

TEST_CASE("a plain stream gets back what was taken from it when the range of the thief is refused") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment plain = t.must();
  REQUIRE(plain.kind == segment_kind::whole);
  t.header(plain, range_support::unknown);
  t.flow(2s, {{plain, 100'000}});
  const assignment thief = t.must(blob);
  REQUIRE(thief.kind == segment_kind::steal);
  CHECK(t.plan.remaining(plain.stream) < 3 * MiB - t.plan.claimed(blob));
  CHECK_FALSE(t.plan.unsatisfied(thief.stream, t.now));
  t.plan.ended(thief.stream);
  CHECK(t.plan.remaining(plain.stream) == 3 * MiB - t.plan.claimed(blob));
}

}  // namespace
}  // namespace gantry::transfer
