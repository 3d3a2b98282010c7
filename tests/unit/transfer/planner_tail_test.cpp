// What idle connections do when everything has been handed out, and what is done about streams that lag.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

bool has(const std::vector<stream_id>& list, const assignment& given) {
  return std::find(list.begin(), list.end(), given.stream) != list.end();
}

TEST_CASE("an idle connection takes the rear part of the longest work") {
  planner_bench t(2);
  t.open(4 * MiB);
  const assignment whole = t.must();
  t.header(whole, range_support::unknown);
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
  const assignment whole = t.must();
  t.header(whole, range_support::unknown);
  t.flow(500ms, {{whole, 7'400'000}});
  CHECK(t.plan.remaining(whole.stream) < 512 * KiB);
  CHECK_FALSE(t.next());
}

TEST_CASE("a thief takes most from a victim that crawls") {
  planner_bench t(2);
  t.open(40 * MiB);
  const assignment slow = t.must();
  t.header(slow);
  assignment fast = t.must();
  t.header(fast);
  t.flow(300ms, {{slow, 20'000}, {fast, 10'000'000}});
  while (fast.kind == segment_kind::segment) {
    t.receive(fast, t.plan.remaining(fast.stream));
    t.plan.ended(fast.stream);
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
  const assignment whole = t.must();
  t.header(whole, range_support::unknown);
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

TEST_CASE("what a silent stream has left is asked for once more, and the first to receive a byte writes it") {
  planner_bench t(2);
  t.open(100 * MiB);
  const blob_id little = t.open(300 * KiB);
  const assignment probe = t.must();
  t.header(probe);
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
  const assignment quiet = t.must();
  t.header(quiet, range_support::unknown);
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
  const assignment probe = t.must();
  t.header(probe);
  const assignment second = t.must();
  t.header(second);
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

TEST_CASE("each stream of a blob that falls silent in vain gets twice the time of the one before") {
  planner_bench t(1);
  t.open(200 * KiB);
  for (const std::chrono::milliseconds patience : {2000ms, 4000ms, 8000ms, 16000ms}) {
    const assignment one = t.must();
    t.header(one, one.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
    t.receive(one, KiB);
    t.now += patience - 100ms;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 100ms;
    CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{one.stream});
    t.plan.ended(one.stream);
  }
}

/// A blob of which all is there but what two streams that have fallen silent ask for, and one that has brought its part.
struct two_silent {
  two_silent() {
    t.open(blob_size);
    first = t.must();
    t.header(first);
    second = t.must();
    t.header(second);
    third = t.must();
    t.header(third);
    t.receive(first, t.plan.remaining(first.stream) - left);
    t.receive(second, t.plan.remaining(second.stream) - left);
  }

  static constexpr std::uint64_t left = 400 * KiB;
  static constexpr std::uint64_t blob_size = 12 * MiB;
  planner_bench t{3};
  assignment first;
  assignment second;
  assignment third;
};

TEST_CASE("several streams of a blob that fall silent at a time are no tries in vain of each other") {
  two_silent s;
  planner_bench& t = s.t;
  t.receive(s.third, t.plan.remaining(s.third.stream));
  t.plan.ended(s.third.stream);
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

/// Asks for what is free, receives \p bytes at once and then nothing more: it is named after \p patience and not before.
void falls_silent(planner_bench& t, std::uint64_t bytes, std::chrono::milliseconds patience) {
  const assignment one = t.must();
  t.header(one, one.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
  t.receive(one, bytes);
  t.now += patience - 100ms;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 100ms;
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{one.stream});
  t.plan.ended(one.stream);
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
  t.receive(s.third, t.plan.remaining(s.third.stream));
  t.plan.ended(s.third.stream);
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
  const assignment first = t.must();
  t.header(first, range_support::unknown);
  t.flow(1s, {{first, 4'000'000}});
  t.plan.ended(first.stream);
  t.plan.drop(quick);
  t.open(4 * MiB);
  std::vector<std::chrono::steady_clock::duration> lives;
  for (int i = 0; i < 4; ++i) {
    const assignment one = t.must();
    t.header(one, one.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
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
  const assignment busy = t.must();
  t.header(busy);
  const auto begin = [&](std::uint64_t bytes) {
    const assignment one = t.must(little);
    REQUIRE(one.blob == little);
    t.header(one, one.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
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

TEST_CASE("what has been silent for three seconds is asked for over an idle connection, whatever may be risked") {
  two_silent s;
  planner_bench& t = s.t;
  t.receive(s.third, t.plan.remaining(s.third.stream));
  t.plan.ended(s.third.stream);
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
  bool named = false;
  for (int i = 0; i < 50 && !named; ++i) {
    t.flow(100ms, {{last, 5000}});
    named = has(t.plan.laggards(t.now), last);
  }
  CHECK(named);
}

TEST_CASE("what nobody answers is asked for again over another connection, however much it is") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.must();
  t.now += 7900ms;
  CHECK_FALSE(t.next(blob));
  t.now += 200ms;
  const assignment again = t.must(blob);
  CHECK(again.kind == segment_kind::hedge);
  CHECK(again.range == byte_range{0, 3 * MiB});
  CHECK_FALSE(t.next(blob));
  CHECK(t.plan.laggards(t.now).empty());
  SECTION("one of two answers is given up") {
    const bool late = GENERATE(false, true);
    const assignment& quick = late ? first : again;
    const assignment& other = late ? again : first;
    t.header(quick, range_support::unknown);
    t.receive(quick, 64 * KiB);
    t.header(other, range_support::unknown);
    CHECK(t.plan.remaining(other.stream) == 0);
    CHECK(t.plan.overtaken(other.stream));
    CHECK(t.plan.remaining(quick.stream) == 3 * MiB - 64 * KiB);
    t.plan.ended(other.stream);
    t.receive(quick, 3 * MiB - 64 * KiB);
    CHECK(t.plan.outstanding() == 0);
  }
  SECTION("the other answer goes on when the first breaks off") {
    t.header(again, range_support::unknown);
    t.plan.ended(again.stream);
    t.header(first, range_support::unknown);
    CHECK(t.plan.remaining(first.stream) == 3 * MiB);
  }
}

TEST_CASE("when all requests at a time are without an answer, one is tried for all after eight seconds") {
  planner_bench t(4);
  const blob_id blob = t.open(4096 * MiB);
  t.finish(t.must());
  for (int i = 0; i < 4; ++i) t.must(blob);
  t.now += 7900ms;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 200ms;
  const std::vector<stream_id> named = t.plan.laggards(t.now);
  REQUIRE(named.size() == 1);
  CHECK(t.plan.laggards(t.now).empty());
  t.plan.ended(named[0]);
  const assignment again = t.must(blob);
  SECTION("the others follow when it brings bytes") {
    t.header(again);
    t.receive(again, MiB);
    CHECK(t.plan.laggards(t.now).size() == 3);
  }
  SECTION("the next has twice the time when it brings nothing") {
    t.now += 7800ms;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 200ms;
    CHECK(t.plan.laggards(t.now).size() == 1);
  }
}

TEST_CASE("the first request for a blob is not named for its silence, but a second that is not answered either is") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.must();
  t.now += 8100ms;
  const assignment again = t.must(blob);
  REQUIRE(again.kind == segment_kind::hedge);
  t.now += 15s;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 1100ms;
  CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{again.stream});
  t.plan.ended(again.stream);
  const assignment third = t.must(blob);
  CHECK(third.kind == segment_kind::hedge);
  CHECK(third.range == first.range);
}

TEST_CASE("the only request that may be made is given up after eight seconds, and twice as long each time") {
  planner_bench t(1);
  const blob_id blob = t.open(3 * MiB);
  for (const std::chrono::milliseconds patience : {8000ms, 16000ms, 32000ms}) {
    const assignment only = t.must();
    t.now += patience - 100ms;
    CHECK(t.plan.laggards(t.now).empty());
    CHECK_FALSE(t.plan.unanswered(only.stream));
    t.now += 200ms;
    CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{only.stream});
    CHECK(t.plan.unanswered(only.stream));
    t.plan.ended(only.stream);
    t.plan.troubled(blob);
  }
  const assignment answered = t.must();
  t.now += 60s;
  CHECK(t.plan.laggards(t.now).empty());
  t.header(answered, range_support::unknown);
  t.receive(answered, 3 * MiB);
  CHECK(t.plan.outstanding() == 0);
}

TEST_CASE("a server that has needed eight seconds for its first byte is given four times as long for the next") {
  planner_bench t(1);
  t.open(3 * MiB);
  t.open(2 * MiB);
  const assignment first = t.must();
  t.now += 7900ms;
  t.header(first, range_support::unknown);
  t.receive(first, 3 * MiB);
  t.plan.ended(first.stream);
  t.must();
  t.now += 31s;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 1s;
  CHECK(t.plan.laggards(t.now).size() == 1);
}

TEST_CASE("when each connection waits for an answer of its own, none may be opened, and each is given up") {
  planner_bench t(2);
  t.open(3 * MiB);
  t.open(2 * MiB);
  const assignment first = t.must();
  const assignment second = t.must();
  t.now += 8100ms;
  CHECK(t.plan.laggards(t.now).size() == 2);
  CHECK(t.plan.unanswered(first.stream));
  CHECK(t.plan.unanswered(second.stream));
}

TEST_CASE("a request that could be made over another connection is not given up for that, nor one that waits for its turn here") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.must();
  SECTION("another connection") {
    t.now += 20s;
    CHECK(t.plan.laggards(t.now).empty());
    CHECK(t.must(blob).kind == segment_kind::hedge);
    t.now += 100ms;
    CHECK(t.plan.laggards(t.now).empty());
  }
  SECTION("its turn") {
    t.plan.set_connections(1);
    t.plan.held_up(first.stream, t.now, true);
    t.now += 20s;
    CHECK(t.plan.laggards(t.now).empty());
    t.plan.held_up(first.stream, t.now, false);
    t.now += 7900ms;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 200ms;
    CHECK(t.plan.laggards(t.now).size() == 1);
  }
}

TEST_CASE("what a request waited for the answer to another says nothing about the server") {
  planner_bench t(2);
  const blob_id blob = t.open(4096 * MiB);
  t.finish(t.must());
  const assignment waited = t.must(blob);
  t.now += 5s;
  t.plan.asked(waited.stream, t.now);
  t.header(waited);
  t.receive(waited, MiB);
  // With a wait of five seconds that would take twenty.
  const assignment quiet = t.must(blob);
  bool named = false;
  for (int i = 0; i < 50 && !named; ++i) {
    t.flow(100ms, {{waited, 500'000}});
    named = has(t.plan.laggards(t.now), quiet);
  }
  CHECK(named);
}

TEST_CASE("a stream far below the median for two seconds is named") {
  planner_bench t(4);
  t.open(4096 * MiB);
  std::vector<assignment> given{t.must()};
  t.header(given[0]);
  for (int i = 0; i < 3; ++i) given.push_back(t.must());
  for (int i = 1; i < 4; ++i) t.header(given[static_cast<std::size_t>(i)]);
  const std::vector<std::pair<assignment, std::uint64_t>> rates{
      {given[0], 400'000}, {given[1], 400'000}, {given[2], 400'000}, {given[3], 100'000}};
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
  const assignment slow = t.must();
  t.header(slow);
  const assignment other = t.must();
  t.header(other);
  t.plan.storing(slow.stream, t.now, true);
  for (int i = 0; i < 100; ++i) {
    t.flow(100ms, {{other, 50'000}});
    CHECK_FALSE(has(t.plan.laggards(t.now), slow));
  }
  t.plan.storing(slow.stream, t.now, false);
  bool named = false;
  for (int i = 0; i < 50 && !named; ++i) {
    t.flow(100ms, {{other, 50'000}});
    named = has(t.plan.laggards(t.now), slow);
  }
  CHECK(named);
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

TEST_CASE("no connection is opened for what will be here before its header") {
  planner_bench t(3);
  t.round_trip = 100ms;
  t.open(60 * MiB);
  const assignment first = t.must();
  t.header(first);
  const assignment second = t.must();
  t.header(second);
  t.flow(1s, {{first, 4'000'000}, {second, 4'000'000}});
  CHECK(t.next());  // 52 MB at 8 MB/s

  planner_bench u(3);
  u.round_trip = 100ms;
  u.open(4 * MiB);
  u.open(MiB);
  const assignment large = u.must();
  u.header(large, range_support::unknown);
  u.flow(500ms, {{large, 8'000'000}});
  CHECK_FALSE(u.next());  // 1.2 MB at 8 MB/s
}

TEST_CASE("a stream of a blob's earlier life brings nothing to its next") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment old = t.must();
  t.header(old, range_support::unknown);
  t.receive(old, MiB);
  t.plan.open(blob, {});
  CHECK(t.plan.remaining(old.stream) == 0);
  CHECK(t.plan.overtaken(old.stream));
  CHECK(t.receive(old, MiB).empty());
  t.plan.ended(old.stream);
  CHECK(t.plan.outstanding() == 3 * MiB);
  CHECK(t.must().range == byte_range{0, 3 * MiB});
}

TEST_CASE("after a failure one stream looks whether a blob answers again, and the others do something else") {
  planner_bench t(4);
  const blob_id blob = t.open(100 * MiB);
  const blob_id other = t.open(40 * MiB);
  const assignment probe = t.must();
  t.header(probe);
  t.receive(probe, MiB);
  t.plan.ended(probe.stream);
  t.plan.troubled(blob);
  const assignment again = t.must(blob);
  CHECK(again.blob == blob);
  CHECK(t.must(blob).blob == other);
  // The answer alone is not enough: the one that failed had one too.
  t.header(again);
  CHECK(t.must(blob).blob == other);
  t.receive(again, 1);
  CHECK(t.must(blob).blob == blob);
}

TEST_CASE("nothing is stolen from a blob in trouble, but its silent stream is hedged") {
  planner_bench t(2);
  const blob_id blob = t.open(40 * MiB);
  const assignment first = t.must();
  t.header(first);
  t.flow(1s, {{first, MiB}});
  t.plan.troubled(blob);
  CHECK_FALSE(t.next(blob));
  t.now += 30s;
  // A large remainder is no hedge; a thief would be one request too many.
  CHECK_FALSE(t.next(blob));
}

TEST_CASE("a stream that waits for something of ours, the disk for one, is neither hedged nor robbed until it goes on") {
  const auto waits = GENERATE(&planner::held_up, &planner::storing);
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.must();
  t.header(first, range_support::yes);
  t.receive(first, 3 * MiB - 32 * KiB);
  (t.plan.*waits)(first.stream, t.now, true);
  t.now += 60s;
  CHECK_FALSE(t.next(blob));
  (t.plan.*waits)(first.stream, t.now, false);
  t.now += 60s;
  CHECK(t.must(blob).kind == segment_kind::hedge);
}

TEST_CASE("a stream that waits for something of ours is not slow, nor when it goes on") {
  planner_bench t(4);
  t.open(4096 * MiB);
  std::vector<assignment> given{t.must()};
  t.header(given[0]);
  for (int i = 0; i < 3; ++i) given.push_back(t.must());
  for (std::size_t i = 1; i < 4; ++i) t.header(given[i]);
  std::vector<std::pair<assignment, std::uint64_t>> rates;
  for (const assignment& one : given) rates.emplace_back(one, 300'000);
  t.flow(1s, rates);
  t.plan.held_up(given[3].stream, t.now, true);
  const std::vector<std::pair<assignment, std::uint64_t>> others(rates.begin(), rates.begin() + 3);
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

TEST_CASE("while a limit of ours binds nothing is asked for twice, but of a stream that is silent") {
  planner_bench t(2);
  t.open(8 * MiB);
  const assignment first = t.must();
  t.header(first, range_support::yes);
  const assignment second = t.must();
  t.header(second, range_support::yes);
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

TEST_CASE("a stream that waited for something of ours loses no more to a thief than before") {
  planner_bench t(2);
  t.open(8 * MiB);
  const assignment first = t.must();
  t.header(first);
  const assignment second = t.must();
  t.header(second);
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
  std::vector<assignment> given{t.must()};
  t.header(given[0]);
  for (int i = 0; i < 4; ++i) given.push_back(t.must());
  for (std::size_t i = 1; i < 5; ++i) t.header(given[i]);
  t.flow(500ms, {{given[4], 2'000'000}});
  for (std::size_t i = 0; i < 4; ++i) {
    t.receive(given[i], t.plan.remaining(given[i].stream));
    t.plan.ended(given[i].stream);
  }
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
  const assignment first = t.must();
  t.header(first);
  const assignment second = t.must();
  t.header(second);
  t.flow(640ms, {{first, 8'000'000}, {second, 4'000'000}});
  REQUIRE(t.plan.remaining(first.stream) == 0);
  t.plan.ended(first.stream);
  // 240 KB are on the way; with 80 KB in the sockets that is more than three per cent.
  CHECK_FALSE(t.next());
}

}  // namespace
}  // namespace gantry::transfer
