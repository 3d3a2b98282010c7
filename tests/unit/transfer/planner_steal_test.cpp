// What an idle connection takes from the work of another, and what that may cost.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

/// A layer that one connection brings at 20 MB/s. Three per cent of it are 3 MB; 200 KB are on the way.
struct one_at_work {
  one_at_work() {
    t.open(96 * MiB);
    whole = t.answered(range_support::unknown);
    t.flow(1s, {{whole, 20'000'000}});
  }

  planner_bench t{1};
  assignment whole;
};

TEST_CASE("an idle connection takes the rear part of the longest work") {
  planner_bench t(2);
  t.open(4 * MiB);
  const assignment whole = t.answered(range_support::unknown);
  t.flow(500ms, {{whole, 1'000'000}});
  const assignment thief = t.must();
  CHECK(thief.kind == segment_kind::steal);
  CHECK(thief.range.end() == 4 * MiB);
  CHECK(thief.range.length == Approx((4.0 * MiB - 500'000) / 2).epsilon(0.05));
  CHECK(t.plan.remaining(whole.stream) == thief.range.offset - 500'000);
}

TEST_CASE("what is nearly done is not stolen from") {
  planner_bench t(2);
  t.open(4 * MiB);
  const assignment whole = t.answered(range_support::unknown);
  t.flow(500ms, {{whole, 7'400'000}});
  CHECK(t.plan.remaining(whole.stream) < 512 * KiB);
  CHECK_FALSE(t.next());
}

TEST_CASE("a thief takes most from a victim that crawls") {
  planner_bench t(2);
  t.open(40 * MiB);
  const assignment slow = t.answered();
  assignment fast = t.answered();
  t.flow(300ms, {{slow, 20'000}, {fast, 10'000'000}});
  while (fast.kind == segment_kind::segment) {
    t.receive_rest(fast);
    fast = t.must(fast.blob);
    t.header(fast);
    t.flow(300ms, {{slow, 20'000}, {fast, 10'000'000}});
  }
  CHECK(fast.kind == segment_kind::steal);
  CHECK(t.plan.remaining(slow.stream) <= 64 * KiB);
}

TEST_CASE("a plain stream gets back what was stolen when ranges turn out not to work") {
  planner_bench t(2);
  t.open(4 * MiB);
  const assignment whole = t.answered(range_support::unknown);
  t.flow(500ms, {{whole, 1'000'000}});
  const assignment thief = t.must();
  t.plan.refused(thief.stream);
  CHECK(t.plan.remaining(thief.stream) == 0);
  t.plan.ended(thief.stream);
  CHECK(t.plan.remaining(whole.stream) == 4 * MiB - 500'000);
  CHECK_FALSE(t.next());
}

TEST_CASE("an origin that refused a range is not asked again for parts of a plain stream") {
  planner_bench t(3);
  t.open(4 * MiB);
  t.open(3 * MiB);
  const assignment first = t.must();
  const assignment second = t.must();
  t.header(first, range_support::unknown);
  t.header(second, range_support::unknown);
  t.flow(500ms, {{first, 1'000'000}, {second, 1'000'000}});
  const assignment thief = t.must();
  t.plan.refused(thief.stream);
  t.plan.ended(thief.stream);
  CHECK_FALSE(t.next());
}

TEST_CASE("no connection is opened for what will be here before its header") {
  planner_bench t(3);
  t.round_trip = 100ms;
  t.open(60 * MiB);
  const assignment first = t.answered();
  const assignment second = t.answered();
  t.flow(1s, {{first, 4'000'000}, {second, 4'000'000}});
  CHECK(t.next());  // 52 MB at 8 MB/s

  planner_bench u(3);
  u.round_trip = 100ms;
  u.open(4 * MiB);
  u.open(MiB);
  const assignment large = u.answered(range_support::unknown);
  u.flow(500ms, {{large, 8'000'000}});
  CHECK_FALSE(u.next());  // 1.2 MB at 8 MB/s
}

TEST_CASE("nothing is stolen from a blob in trouble, but its silent stream is hedged") {
  planner_bench t(2);
  const blob_id blob = t.open(40 * MiB);
  const assignment first = t.answered();
  t.flow(1s, {{first, MiB}});
  t.plan.troubled(blob);
  CHECK_FALSE(t.next(blob));
  t.now += 30s;
  // A large remainder is no hedge; a thief would be one request too many.
  CHECK_FALSE(t.next(blob));
}

TEST_CASE("a stream that waited for something of ours loses no more to a thief than before") {
  planner_bench t(2);
  t.open(8 * MiB);
  const assignment first = t.answered();
  const assignment second = t.answered();
  t.flow(1s, {{first, 1'000'000}, {second, 1'000'000}});
  t.plan.held_up(second.stream, t.now, true);
  t.flow(4s, {{first, 1'000'000}});
  REQUIRE(t.plan.remaining(first.stream) == 0);
  t.plan.ended(first.stream);
  CHECK_FALSE(t.next());
  t.now += 5s;
  CHECK_FALSE(t.next());
  t.plan.held_up(second.stream, t.now, false);
  const std::uint64_t left = t.plan.remaining(second.stream);
  const assignment thief = t.must();
  CHECK(thief.kind == segment_kind::steal);
  CHECK(thief.range.length <= left / 4 * 3);
}

TEST_CASE("what a silent stream may have been sent is charged, until it is taken for dead") {
  planner_bench t(5);
  t.open(20 * MiB);
  const std::vector<assignment> given = t.answered_all(5);
  t.flow(500ms, {{given[4], 2'000'000}});
  for (std::size_t i = 0; i < 4; ++i) t.receive_rest(given[i]);
  // Three per cent of 20 MiB are less than a second at this rate.
  t.now += 1s;
  CHECK_FALSE(t.next());
  t.now += 2500ms;
  CHECK(t.must().kind == segment_kind::steal);
}

TEST_CASE("a thief is charged what its victim has in the sockets besides what is on the way") {
  planner_bench t(2);
  t.round_trip = 60ms;
  t.open(8 * MiB);
  const assignment first = t.answered();
  const assignment second = t.answered();
  t.flow(640ms, {{first, 8'000'000}, {second, 4'000'000}});
  REQUIRE(t.plan.remaining(first.stream) == 0);
  t.plan.ended(first.stream);
  // 240 KB are on the way; with 80 KB in the sockets that is more than three per cent.
  CHECK_FALSE(t.next());
}

TEST_CASE("what is seen in a victim's socket counts in place of the estimate, however much it is, until it has been read") {
  one_at_work w;
  w.t.plan.unread(w.whole.stream, 5'000'000);
  CHECK_FALSE(w.t.next());
  w.t.plan.unread(w.whole.stream, 2'500'000);
  CHECK(w.t.must().kind == segment_kind::steal);
}

TEST_CASE("what is seen in a victim's socket does not change what is taken from it") {
  const auto seen = GENERATE(std::uint64_t{100'000}, std::uint64_t{2'500'000});
  one_at_work usual;
  one_at_work w;
  w.t.plan.unread(w.whole.stream, seen);
  CHECK(w.t.must().range == usual.t.must().range);
}

/// A layer of that size that one connection brings at 4 MB/s, 5.6 MB before its end.
struct one_near_its_end {
  one_near_its_end() {
    t.open(96 * MiB);
    whole = t.answered(range_support::unknown);
    t.receive(whole, 96 * MiB - 25'600'000);
    t.flow(5s, {{whole, 4'000'000}});
    REQUIRE(t.plan.remaining(whole.stream) == 5'600'000);
  }

  planner_bench t{1};
  assignment whole;
};

TEST_CASE("no more is charged for what a victim's socket holds than its answer has behind the cut") {
  one_near_its_end w;
  // More than three per cent; half of what is left is less.
  w.t.plan.unread(w.whole.stream, 4'500'000);
  CHECK(w.t.must().kind == segment_kind::steal);
}

TEST_CASE("a thief takes nothing that lies in its victim's socket already") {
  one_near_its_end w;
  w.t.plan.unread(w.whole.stream, 5'300'000);
  CHECK_FALSE(w.t.next());
  w.t.plan.unread(w.whole.stream, 4'500'000);
  CHECK(w.t.must().range.length == 1'100'000);
}

TEST_CASE("what the socket of a stream holds that is taken for dead is charged all the same") {
  planner_bench t(5);
  t.open(20 * MiB);
  const std::vector<assignment> given = t.answered_all(5);
  t.flow(500ms, {{given[4], 2'000'000}});
  for (std::size_t i = 0; i < 4; ++i) t.receive_rest(given[i]);
  t.now += 3500ms;
  // Of these one is more than three per cent.
  const bool much = GENERATE(false, true);
  t.plan.unread(given[4].stream, much ? 1'000'000 : 100'000);
  CHECK(t.must().kind == (much ? segment_kind::hedge : segment_kind::steal));
}

}  // namespace
}  // namespace gantry::transfer
