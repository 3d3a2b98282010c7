// Requests that have no answer, and blobs in trouble.
#include "transfer/planner.hpp"

#include "unit/transfer/planner_bench.hpp"

using namespace std::chrono_literals;

namespace gantry::transfer {
namespace {

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

TEST_CASE("what came before a request was made, or led on, is no silence") {
  planner_bench t(1);
  t.open(3 * MiB);
  const assignment only = t.must();
  const bool held_up = GENERATE(false, true);
  if (held_up) t.plan.held_up(only.stream, t.now, true);
  t.now += held_up ? 60s : 7s;
  CHECK(t.plan.laggards(t.now).empty());
  if (held_up) t.plan.held_up(only.stream, t.now, false);
  t.plan.asks(only.stream, t.now);
  t.now += 7900ms;
  CHECK(t.plan.laggards(t.now).empty());
  t.now += 200ms;
  CHECK(t.plan.laggards(t.now).size() == 1);
  CHECK(t.plan.unanswered(only.stream));
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

/// Connections that wait for an answer of their own each, so that none may be opened.
struct all_waiting {
  explicit all_waiting(unsigned count) : t(count) {
    for (unsigned i = 0; i < count; ++i) t.open((4 + count - i) * 512 * KiB);
    for (unsigned i = 0; i < count; ++i) streams.push_back(t.must());
  }
  /// The oldest has been given up after \p patience, and is made again.
  assignment again(std::chrono::milliseconds patience) {
    t.now += patience - 100ms;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 200ms;
    REQUIRE(t.plan.laggards(t.now) == std::vector<stream_id>{streams[0].stream});
    CHECK(t.plan.unanswered(streams[0].stream));
    CHECK_FALSE(t.plan.unanswered(streams[1].stream));
    t.plan.ended(streams[0].stream);
    return t.must(streams[0].blob);
  }

  planner_bench t;
  std::vector<assignment> streams;
};

TEST_CASE("when each connection waits for an answer of its own, the oldest is given up for all after sixteen seconds") {
  all_waiting s(3);
  planner_bench& t = s.t;
  const assignment again = s.again(16s);
  CHECK(again.blob == s.streams[0].blob);
  SECTION("the others follow when the next is answered at once") {
    t.header(again, range_support::unknown);
    CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{s.streams[1].stream, s.streams[2].stream});
    CHECK(t.plan.unanswered(s.streams[1].stream));
  }
  SECTION("they wait on when the next is answered late, as the server is slow") {
    t.now += 5s;
    t.header(again, range_support::unknown);
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 4s;
    CHECK(t.plan.laggards(t.now).empty());
  }
  SECTION("another is given up when the next waits for twice as long, and so on") {
    t.now += 15700ms;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 500ms;
    CHECK(t.plan.laggards(t.now) == std::vector<stream_id>{s.streams[1].stream});
    t.plan.ended(s.streams[1].stream);
    t.must(s.streams[1].blob);
    t.now += 31s;
    CHECK(t.plan.laggards(t.now).empty());
    t.now += 1500ms;
    CHECK(t.plan.laggards(t.now).size() == 1);
  }
  SECTION("nobody else is given up when the others are answered while the next waits") {
    t.header(s.streams[1], range_support::unknown);
    t.receive(s.streams[1], KiB);
    t.now += 15s;
    CHECK_FALSE(has(t.plan.laggards(t.now), s.streams[2]));
  }
}

TEST_CASE("one that waits while others receive is given up after eight seconds") {
  all_waiting s(2);
  planner_bench& t = s.t;
  t.header(s.streams[1], range_support::unknown);
  for (int i = 0; i < 79; ++i) {
    t.flow(100ms, {{s.streams[1], 100'000}});
    CHECK_FALSE(has(t.plan.laggards(t.now), s.streams[0]));
  }
  t.flow(200ms, {{s.streams[1], 100'000}});
  CHECK(has(t.plan.laggards(t.now), s.streams[0]));
}

TEST_CASE("while nothing has been answered one request is made again for all, even where more connections are free") {
  planner_bench t(6);
  std::vector<assignment> streams;
  for (unsigned i = 0; i < 3; ++i) t.open((6 - i) * 512 * KiB);
  for (unsigned i = 0; i < 3; ++i) streams.push_back(t.must());
  t.now += 8100ms;
  const assignment again = t.must();
  CHECK(again.kind == segment_kind::hedge);
  CHECK_FALSE(t.next());
  SECTION("the others are when it is answered") {
    t.header(again, range_support::unknown);
    t.receive(again, 64 * KiB);
    CHECK(t.must().kind == segment_kind::hedge);
    CHECK(t.must().kind == segment_kind::hedge);
  }
  SECTION("but not when the first one is at last") {
    t.now += 4s;
    t.header(streams[0], range_support::unknown);
    CHECK_FALSE(t.next());
  }
}

TEST_CASE("a server's time for the first byte is no round trip, and keeps nobody from opening a connection") {
  planner_bench t(2);
  t.open(3 * MiB);
  t.open(3 * MiB);
  t.round_trip = 12s;
  const assignment first = t.answered(range_support::unknown);
  t.flow(500ms, {{first, 4'000'000}});
  CHECK(t.plan.round_trip() == 1s);
  CHECK(t.next());
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
  CHECK(t.named_soon(quiet, {{waited, 500'000}}));
}

TEST_CASE("a stream of a blob's earlier life brings nothing to its next") {
  planner_bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment old = t.answered(range_support::unknown);
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
  const assignment probe = t.answered();
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

}  // namespace
}  // namespace gantry::transfer
