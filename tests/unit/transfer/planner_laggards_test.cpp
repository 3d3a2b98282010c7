// Streams that are named to be cut because they are slow or silent.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

/// Asks for what is free, receives \p bytes at once and then nothing more: it is named after \p patience and not before.
void falls_silent(planner_bench& t, std::uint64_t bytes, std::chrono::milliseconds patience) {
  const assignment one = t.must();
  t.usual_header(one);
  t.receive(one, bytes);
  t.now += patience - 100ms;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 100ms;
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{one.stream});
  t.plan.ended(one.stream);
}

TEST_CASE("each stream of a blob that falls silent in vain gets twice the time of the one before") {
  planner_bench t(1);
  t.open(200 * KiB);
  for (const std::chrono::milliseconds patience : {2000ms, 4000ms, 8000ms, 16000ms}) falls_silent(t, KiB, patience);
}

TEST_CASE("several streams of a blob that fall silent at a time are no tries in vain of each other") {
  two_silent s;
  planner_bench& t = s.t;
  t.receive_rest(s.third);
  t.now += 2s;
  // Nothing at all has come since: one is tried.
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{s.first.stream});
  t.plan.ended(s.first.stream);
  const assignment again = t.must();
  REQUIRE(again.range.length == two_silent::left);
  t.header(again);
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{});
  t.receive(again, KiB);
  CAPTURE(s.first.stream, s.second.stream, s.third.stream, again.stream);
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{s.second.stream});
}

TEST_CASE("a silent stream that was of use before leaves the next no more time than it had") {
  planner_bench t(1);
  const std::uint64_t progress = GENERATE(63 * KiB, 64 * KiB);
  t.open(400 * KiB);
  falls_silent(t, 10 * KiB, 2000ms);
  falls_silent(t, progress, progress < 64 * KiB ? 4000ms : 2000ms);
  falls_silent(t, 10 * KiB, progress < 64 * KiB ? 8000ms : 4000ms);
}

TEST_CASE("a stream that brings what another could not leaves nobody with twice the time") {
  two_silent s;
  planner_bench& t = s.t;
  t.receive_rest(s.third);
  t.now += 2s;
  REQUIRE(t.plan.laggards(t.now) == std::vector<stream_id>{s.first.stream});
  t.plan.ended(s.first.stream);
  t.finish(t.must());
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{s.second.stream});
  t.plan.ended(s.second.stream);
  falls_silent(t, KiB, 4000ms);
}

TEST_CASE("where every connection crawls none is tried more often for the little that it brings") {
  planner_bench t(1);
  const blob_id quick = t.open(2 * MiB);
  const assignment first = t.answered(range_support::unknown);
  t.flow(1s, {{first, 4'000'000}});
  t.plan.ended(first.stream);
  t.plan.drop(quick);
  t.open(4 * MiB);
  std::vector<std::chrono::steady_clock::duration> lives;
  for (int i = 0; i < 4; ++i) {
    const assignment one = t.must();
    t.usual_header(one);
    const auto began = t.now;
    while (t.plan.laggards(t.now).empty()) t.flow(100ms, {{one, 40'000}});
    lives.push_back(t.now - began);
    t.plan.ended(one.stream);
  }
  for (std::size_t i = 1; i < lives.size(); ++i) CHECK(lives[i] > lives[i - 1] * 3 / 2);
}

TEST_CASE("while others bring bytes a silent stream gets three seconds at most") {
  planner_bench t(2);
  t.open(100 * MiB);
  const blob_id little = t.open(200 * KiB);
  const assignment busy = t.answered();
  const auto begin = [&](std::uint64_t bytes) {
    const assignment one = t.must(little);
    REQUIRE(one.blob == little);
    t.usual_header(one);
    t.receive(one, bytes);
    return one;
  };
  const assignment first = begin(KiB);
  t.flow(2s, {{busy, 500'000}});
  REQUIRE(has(t.plan.laggards(t.now), first));
  t.plan.ended(first.stream);
  const assignment second = begin(KiB);
  t.flow(2900ms, {{busy, 500'000}});
  CHECK_FALSE(has(t.plan.laggards(t.now), second));
  t.flow(200ms, {{busy, 500'000}});
  CHECK(has(t.plan.laggards(t.now), second));
}

TEST_CASE("the last stream is named when it is much slower than those before it") {
  planner_bench t(4);
  for (int i = 0; i < 3; ++i) t.open(800 * KiB);
  const assignment first = t.must();
  const assignment second = t.must();
  const assignment last = t.must();
  for (const assignment& one : {first, second, last}) t.header(one, range_support::unknown);
  t.flow(2s, {{first, 1'000'000}, {second, 1'000'000}, {last, 300'000}});
  t.plan.ended(first.stream);
  t.plan.ended(second.stream);
  CHECK(t.named_soon(last, {{last, 5000}}));
}

TEST_CASE("a stream far below the median for two seconds is named") {
  planner_bench t(4);
  t.open(4096 * MiB);
  const std::vector<assignment> given = t.answered_all(4);
  const planner_bench::rates_of_streams rates{{given[0], 400'000}, {given[1], 400'000}, {given[2], 400'000}, {given[3], 100'000}};
  for (int i = 0; i < 20; ++i) {
    t.flow(100ms, rates);
    CHECK(t.plan.laggards(t.now).empty());
  }
  std::vector<stream_id> slow;
  for (int i = 0; i < 5 && slow.empty(); ++i) {
    t.flow(100ms, rates);
    slow = t.plan.laggards(t.now);
  }
  CHECK(slow == std::vector<stream_id>{given[3].stream});
}

TEST_CASE("a stream that waits for the disk is not named, however little it takes from its line") {
  planner_bench t(2);
  t.open(4096 * MiB);
  const assignment slow = t.answered();
  const assignment other = t.answered();
  t.plan.storing(slow.stream, t.now, true);
  for (int i = 0; i < 100; ++i) {
    t.flow(100ms, {{other, 50'000}});
    CHECK_FALSE(has(t.plan.laggards(t.now), slow));
  }
  t.plan.storing(slow.stream, t.now, false);
  CHECK(t.named_soon(slow, {{other, 50'000}}));
}

TEST_CASE("the last connection is not named when nobody knows of a faster one, nor who waits for a header as long as others did") {
  planner_bench t(2);
  t.open(4096 * MiB);
  const assignment alone = t.must();
  t.now += 3s;
  t.plan.header(alone.stream, t.now, range_support::yes, 0);
  for (int i = 0; i < 50; ++i) {
    t.flow(100ms, {{alone, 1000}});
    CHECK(t.plan.laggards(t.now).empty());
  }
  const assignment waiting = t.must();
  for (int i = 0; i < 100; ++i) {
    t.flow(100ms, {{alone, 30'000}});
    CHECK_FALSE(has(t.plan.laggards(t.now), waiting));
  }
}

TEST_CASE("a stream that waits for something of ours is not slow, nor when it goes on") {
  planner_bench t(4);
  t.open(4096 * MiB);
  const std::vector<assignment> given = t.answered_all(4);
  planner_bench::rates_of_streams rates;
  for (const assignment& one : given) rates.emplace_back(one, 300'000);
  t.flow(1s, rates);
  t.plan.held_up(given[3].stream, t.now, true);
  const planner_bench::rates_of_streams others(rates.begin(), rates.begin() + 3);
  for (int i = 0; i < 40; ++i) {
    t.flow(100ms, others);
    CHECK(t.plan.laggards(t.now).empty());
  }
  t.plan.held_up(given[3].stream, t.now, false);
  for (int i = 0; i < 30; ++i) {
    CHECK(t.plan.laggards(t.now).empty());
    t.flow(100ms, rates);
  }
}

}  // namespace
}  // namespace gantry::transfer
