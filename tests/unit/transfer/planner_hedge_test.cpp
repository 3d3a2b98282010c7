// What is asked for twice: what a stream has left that is silent or crawls.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

TEST_CASE("what a silent stream has left is asked for once more, and the first to receive a byte writes it") {
  planner_bench t(2);
  t.open(100 * MiB);
  const blob_id little = t.open(300 * KiB);
  const assignment probe = t.answered();
  const assignment quiet = t.must(little);
  REQUIRE(quiet.blob == little);
  t.header(quiet, range_support::unknown);
  t.receive(quiet, 100 * KiB);
  t.flow(400ms, {{probe, 9'000'000}});
  t.now += 200ms;
  t.plan.drop(probe.blob);
  const assignment hedge = t.must();
  CHECK(hedge.kind == segment_kind::hedge);
  CHECK(hedge.range == byte_range{100 * KiB, 200 * KiB});
  CHECK_FALSE(t.next());
  t.header(hedge);
  CHECK(t.receive(hedge, 100 * KiB) == std::vector<byte_range>{{100 * KiB, 100 * KiB}});
  CHECK(t.receive(quiet, 150 * KiB) == std::vector<byte_range>{{200 * KiB, 50 * KiB}});
  CHECK(t.plan.hedged() == 100 * KiB);
  CHECK(t.receive(hedge, 100 * KiB) == std::vector<byte_range>{{250 * KiB, 50 * KiB}});
  CHECK(t.plan.overtaken(quiet.stream));
  CHECK(t.plan.remaining(quiet.stream) == 0);
}

TEST_CASE("a hedge that breaks off may be followed by another") {
  planner_bench t(2);
  t.open(64 * KiB + 1);
  const assignment quiet = t.answered(range_support::unknown);
  t.receive(quiet, 10 * KiB);
  t.now += 600ms;
  const assignment first = t.must();
  REQUIRE(first.kind == segment_kind::hedge);
  CHECK_FALSE(t.next());
  t.plan.ended(first.stream);
  CHECK(t.must().kind == segment_kind::hedge);
}

TEST_CASE("no more than three per cent is hedged; a silent stream with more is named after two seconds") {
  planner_bench t(2);
  t.open(8 * MiB);
  const assignment probe = t.answered();
  const assignment second = t.answered();
  // 400 KiB left, of 8 MiB.
  t.receive(probe, t.plan.remaining(probe.stream) - 400 * KiB);
  t.finish(second);
  std::optional<assignment> given = t.next();
  while (given && given->kind == segment_kind::segment) {
    t.finish(*given);
    given = t.next();
  }
  t.now += 1900ms;
  CHECK(t.plan.laggards(t.now).empty());
  given = t.next();
  CHECK_FALSE((given && given->kind == segment_kind::hedge));
  t.now += 100ms;
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{probe.stream});
  CHECK(t.plan.laggards(t.now).empty());  // once
  t.plan.ended(probe.stream);
  CHECK(t.must().range.length == 400 * KiB);
}

TEST_CASE("what has been silent for three seconds is asked for over an idle connection, whatever may be risked") {
  two_silent s;
  planner_bench& t = s.t;
  t.receive_rest(s.third);
  // Three per cent of the blob are less than that.
  t.now += 1900ms;
  CHECK_FALSE(t.next());
  t.now += 1200ms;
  const assignment hedge = t.must();
  CHECK(hedge.kind == segment_kind::hedge);
  CHECK(hedge.range.length == two_silent::left);
  const assignment& silent = hedge.range.offset < s.second.range.offset ? s.first : s.second;
  SECTION("the silent one is given up when the other brings something") {
    t.header(hedge);
    CHECK(t.plan.remaining(silent.stream) == two_silent::left);
    t.receive(hedge, KiB);
    CHECK(t.plan.remaining(silent.stream) == 0);
    CHECK(t.plan.overtaken(silent.stream));
    CHECK(t.plan.remaining(hedge.stream) == two_silent::left - KiB);
    t.plan.ended(silent.stream);
    t.receive(hedge, two_silent::left - KiB);
    CHECK(t.plan.outstanding() == two_silent::left);
    CHECK(t.plan.hedged() == 0);
  }
  SECTION("the other is given up when the silent one has gone on before") {
    t.now += 5ms;
    t.receive(silent, KiB);
    t.header(hedge);
    CHECK(t.plan.remaining(hedge.stream) == 0);
    CHECK(t.plan.overtaken(hedge.stream));
    CHECK(t.plan.remaining(silent.stream) == two_silent::left - KiB);
  }
  SECTION("the other is not waited for for ever, either") {
    t.receive(s.second, two_silent::left);
    t.plan.ended(s.second.stream);
    t.header(hedge);
    const std::uint64_t brought = GENERATE(0 * KiB, KiB);
    if (brought != 0) {
      t.receive(hedge, brought);
      t.plan.ended(silent.stream);
    }
    t.now += 2s;
    CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{hedge.stream});
    t.plan.ended(hedge.stream);
    const assignment again = t.must();
    CHECK(again.kind == (brought != 0 ? segment_kind::segment : segment_kind::hedge));
    CHECK(again.range.length == two_silent::left - brought);
  }
}

TEST_CASE("a stream that waits for something of ours, the disk for one, is neither hedged nor robbed until it goes on") {
  const auto waits = GENERATE(&planner::held_up, &planner::storing);
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.answered();
  t.receive(first, 3 * MiB - 32 * KiB);
  (t.plan.*waits)(first.stream, t.now, true);
  t.now += 60s;
  CHECK_FALSE(t.next(blob));
  (t.plan.*waits)(first.stream, t.now, false);
  t.now += 60s;
  CHECK(t.must(blob).kind == segment_kind::hedge);
}

TEST_CASE("while a limit of ours binds nothing is asked for twice, but of a stream that is silent") {
  planner_bench t(2);
  t.open(8 * MiB);
  const assignment first = t.answered();
  const assignment second = t.answered();
  const auto both = [&](std::uint64_t other) {
    for (int i = 0; i < 10; ++i) {
      t.plan.limited(t.now);
      t.flow(100ms, {{first, 2'000'000}, {second, other}});
    }
  };
  // The limiter serves one more often than the other.
  both(100'000);
  both(100'000);
  while (t.plan.remaining(first.stream) != 0) both(100'000);
  t.plan.ended(first.stream);
  REQUIRE(t.plan.remaining(second.stream) > MiB);
  t.plan.limited(t.now);
  CHECK_FALSE(t.next());
  CHECK(t.plan.laggards(t.now).empty());
  SECTION("until it does not bind any more") {
    t.flow(1200ms, {{second, 100'000}});
    CHECK(t.must().kind == segment_kind::steal);
  }
  SECTION("a silent one is replaced all the same") {
    t.now += 4s;
    t.plan.limited(t.now);
    CHECK(t.plan.laggards(t.now).size() == 1);
  }
}

}  // namespace
}  // namespace gantry::transfer
