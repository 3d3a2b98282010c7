#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

TEST_CASE("a blob of one segment is asked for as a whole") {
  planner_bench t(4);
  const blob_id blob = t.open(3 * MiB);
  const assignment given = t.must();
  CHECK(given.blob == blob);
  CHECK(given.kind == segment_kind::whole);
  CHECK(given.range == byte_range{0, 3 * MiB});
  CHECK_FALSE(t.next());
}

TEST_CASE("one connection asks for a blob as a whole whatever its size") {
  planner_bench t(1);
  t.open(4096 * MiB);
  CHECK(t.must().kind == segment_kind::whole);
}

TEST_CASE("one connection for a moment asks for a segment") {
  planner_bench t(1);
  planner::settings values;
  values.connections = 1;
  values.adaptive = true;
  t.plan = planner(values);
  t.open(4096 * MiB);
  const assignment given = t.must();
  CHECK(given.kind == segment_kind::probe);
  CHECK(given.range.length <= 64 * MiB);
}

TEST_CASE("what is left of a resumed blob is asked for as ranges around what is held") {
  planner_bench t(1);
  byte_ranges held;
  held.add({0, 10 * MiB});
  held.add({20 * MiB, MiB});
  t.open(30 * MiB, held);
  const assignment first = t.must();
  CHECK(first.kind == segment_kind::probe);
  CHECK(first.range == byte_range{10 * MiB, 10 * MiB});
  t.finish(first);
  CHECK(t.must().range == byte_range{21 * MiB, 9 * MiB});
}

TEST_CASE("small blobs come first, the smallest before all, then the largest") {
  planner_bench t(8);
  const blob_id layer = t.open(5 * MiB);
  const blob_id config = t.open(8 * KiB);
  const blob_id large = t.open(50 * MiB);
  const blob_id tiny = t.open(300);
  const blob_id medium = t.open(65 * KiB);
  std::vector<blob_id> order;
  for (int i = 0; i < 5; ++i) order.push_back(t.must().blob);
  CHECK(order == std::vector<blob_id>{tiny, config, large, layer, medium});
}

TEST_CASE("who has worked on a blob goes on with it before others begin another") {
  planner_bench t(2);
  const blob_id large = t.open(80 * MiB);
  const blob_id other = t.open(60 * MiB);
  const assignment first = t.must();
  CHECK(first.blob == large);
  t.finish(first);
  CHECK(t.must(large).blob == large);
  CHECK(t.must().blob == other);
}

TEST_CASE("a segment is worth twenty round trips of a connection") {
  struct row {
    std::chrono::milliseconds round_trip;
    std::uint64_t rate;
    double low, high;  // MiB
  };
  const row one =
      GENERATE(row{1ms, 10'000'000, 4, 4}, row{50ms, 10'000'000, 9, 10}, row{100ms, 13'000'000, 23, 25}, row{400ms, 13'000'000, 64, 64});
  CAPTURE(one.round_trip.count(), one.rate);
  planner_bench t(2);
  t.round_trip = one.round_trip;
  t.open(4096 * MiB);
  t.answered();
  const assignment second = t.answered();
  t.flow(300ms, {{second, one.rate}});
  const assignment third = t.must();
  CHECK(static_cast<double>(third.range.length) / MiB >= one.low);
  CHECK(static_cast<double>(third.range.length) / MiB <= one.high);
}

TEST_CASE("segments shrink to the share of a connection near the end, not below 1 MiB") {
  planner_bench t(4);
  t.open(12 * MiB);
  const assignment probe = t.must();
  CHECK(probe.range.length == 3 * MiB);
  t.finish(probe);
  // 9 MiB for four.
  CHECK(t.must().range.length == 9 * MiB / 4);

  planner_bench u(16);
  u.open(8 * MiB);
  CHECK(u.must().range.length == MiB);
}

TEST_CASE("all segments under way fit into the room ahead of the prefix") {
  planner_bench t(16);
  t.round_trip = 300ms;
  t.open(8192 * MiB);
  t.answered();
  const assignment second = t.answered();
  t.flow(300ms, {{second, 13'000'000}});
  for (int i = 0; i < 14; ++i) CHECK(t.must().kind == segment_kind::segment);
}

TEST_CASE("nothing begins farther ahead of the prefix than the limit") {
  planner_bench t(4);
  t.open(1024 * MiB);
  t.answered();
  std::uint64_t farthest = 0;
  for (int i = 0; i < 200; ++i) {
    const std::optional<assignment> given = t.next();
    if (!given || given->kind != segment_kind::segment) break;
    farthest = given->range.offset;
    t.finish(*given);
  }
  CHECK(farthest <= 256 * MiB);
  CHECK(farthest > 240 * MiB);
}

TEST_CASE("what is outstanding follows adding, opening, receiving and dropping") {
  planner_bench t(2);
  const blob_id first = t.plan.add(10 * MiB);
  const blob_id second = t.plan.add(MiB);
  CHECK(t.plan.outstanding() == 11 * MiB);
  byte_ranges held;
  held.add({0, 4 * MiB});
  t.plan.open(first, held);
  CHECK(t.plan.outstanding() == 7 * MiB);
  CHECK(t.plan.claimed(first) == 4 * MiB);
  const assignment given = t.answered();
  t.receive(given, MiB);
  CHECK(t.plan.outstanding() == 6 * MiB);
  t.plan.drop(second);
  CHECK(t.plan.outstanding() == 5 * MiB);
  t.plan.drop(first);
  CHECK(t.plan.outstanding() == 0);
}

TEST_CASE("a thousand layers are handed out one by one, each once") {
  planner_bench t(16);
  std::vector<int> asked(1000);
  for (std::uint64_t i = 0; i < 1000; ++i) t.open(100 * KiB + i);
  for (int i = 0; i < 1000; ++i) {
    const assignment given = t.must();
    ++asked[given.blob];
    t.finish(given);
    t.plan.drop(given.blob);
  }
  CHECK(asked == std::vector<int>(1000, 1));
  CHECK_FALSE(t.next());
}

TEST_CASE("a group gets no more streams than its limit, and the others go to another group") {
  planner::settings values;
  values.connections = 8;
  values.per_group = 2;
  planner plan(values);
  planner::time_point now{10s};
  const blob_id one = plan.add(100 * MiB, 7);
  const blob_id small = plan.add(10 * KiB, 7);
  const blob_id other = plan.add(50 * MiB, 9);
  for (const blob_id blob : {one, small, other}) plan.open(blob, {});
  const auto first = plan.next(now, std::nullopt);
  const auto second = plan.next(now, std::nullopt);
  REQUIRE((first && second));
  CHECK(first->blob == small);
  CHECK(second->blob == one);
  const auto third = plan.next(now, one);
  REQUIRE(third);
  CHECK(third->blob == other);
  plan.header(second->stream, now + 10ms, range_support::yes, 0);
  plan.header(third->stream, now + 10ms, range_support::yes, 0);
  const auto fourth = plan.next(now, one);
  REQUIRE(fourth);
  CHECK(fourth->blob == other);
  CHECK_FALSE(plan.next(now, one));
  plan.ended(first->stream);
  const auto fifth = plan.next(now, std::nullopt);
  REQUIRE(fifth);
  CHECK(fifth->blob == small);
}

TEST_CASE("a group that is left alone gets no requests, also none ahead, until its time, and the others do") {
  planner::settings values;
  values.connections = 4;
  planner plan(values);
  const planner::time_point now{10s};
  const blob_id refused = plan.add(10 * KiB, 7);
  const blob_id large = plan.add(100 * MiB, 7);
  const blob_id other = plan.add(50 * MiB, 9);
  for (const blob_id blob : {refused, large, other}) plan.open(blob, {});
  plan.leave_alone(refused, now, now + 5s);
  plan.leave_alone(large, now, now + 1s);  // the longer one counts
  const auto first = plan.next(now);
  REQUIRE(first);
  CHECK(first->blob == other);
  plan.header(first->stream, now + 10ms, range_support::yes, 0);
  CHECK_FALSE(plan.next_ahead(now + 20ms));
  const auto second = plan.next(now + 4s, large);
  REQUIRE(second);
  CHECK(second->blob == other);
  const auto third = plan.next(now + 5s, large);
  REQUIRE(third);
  CHECK(third->blob == refused);
}

TEST_CASE("a group that was left alone is asked for larger parts, twice with each time, for a minute") {
  planner::settings values;
  values.connections = 2;
  planner plan(values);
  planner::time_point now{10s};
  const blob_id blob = plan.add(1024 * MiB);
  plan.open(blob, {});
  plan.assume_ranges();
  const auto length = [&] {
    const auto given = plan.next(now);
    REQUIRE(given);
    plan.ended(given->stream);
    return given->range.length;
  };
  const auto rest = [&] {
    plan.leave_alone(blob, now, now + 1s);
    // The others of a burst are no further reason.
    plan.leave_alone(blob, now + 10ms, now + 1s);
    now += 2s;
  };
  CHECK(length() == 4 * MiB);
  for (const std::uint64_t times : {2, 4, 8, 8}) {
    rest();
    CHECK(length() == times * 4 * MiB);
  }
  now += 60s;
  CHECK(length() == 4 * MiB);
  rest();
  CHECK(length() == 8 * MiB);
}

TEST_CASE("in order, the first blob with gaps gets everybody, small ones later too") {
  planner::settings values;
  values.connections = 2;
  values.in_order = true;
  planner_bench b(2);
  b.plan = planner(values);
  const blob_id large = b.open(20 * MiB);
  const blob_id small = b.open(10 * KiB);
  const blob_id larger = b.open(40 * MiB);
  const assignment probe = b.must();
  CHECK(probe.blob == large);
  // Until ranges are known to work the next in line are served, in their order.
  const assignment second = b.must();
  CHECK(second.blob == small);
  b.header(probe);
  b.finish(second);
  CHECK(b.must(small).blob == large);
  CHECK(b.must().blob == large);
  for (int more = 0; more < 4; ++more) {
    const std::optional<assignment> given = b.next();
    if (given && given->blob == larger) break;
    REQUIRE(given);
    CHECK(given->blob == large);
  }
}

}  // namespace
}  // namespace gantry::transfer
