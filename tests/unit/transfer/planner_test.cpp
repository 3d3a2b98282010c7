#include "transfer/planner.hpp"

#include "support/catch.hpp"

#include <algorithm>

using namespace gantry::transfer;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t KiB = 1024;
constexpr std::uint64_t MiB = 1024 * KiB;

/// A planner with a clock.
struct bench {
  explicit bench(unsigned connections) : plan({connections}) {}

  blob_id open(std::uint64_t size, byte_ranges held = {}) {
    const blob_id blob = plan.add(size);
    plan.open(blob, std::move(held));
    return blob;
  }
  std::optional<assignment> next(std::optional<blob_id> last = std::nullopt) { return plan.next(now, last); }
  assignment must(std::optional<blob_id> last = std::nullopt) {
    const std::optional<assignment> given = next(last);
    REQUIRE(given);
    return *given;
  }
  void header(const assignment& given, range_support support = range_support::yes) {
    now += round_trip;
    plan.header(given.stream, now, support, support == range_support::no ? 0 : given.range.offset);
  }
  std::vector<byte_range> receive(const assignment& given, std::uint64_t bytes) {
    const std::vector<byte_range> mine = plan.received(given.stream, now, bytes);
    for (const byte_range& part : mine) plan.written(given.blob, part);
    return mine;
  }
  /// Header, all bytes, end.
  void finish(const assignment& given) {
    header(given, given.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
    receive(given, plan.remaining(given.stream));
    plan.ended(given.stream);
  }
  /// Each stream receives \p rate bytes per second.
  void flow(std::chrono::milliseconds time, std::vector<std::pair<assignment, std::uint64_t>> rates) {
    for (; time > 0ms; time -= 10ms) {
      now += 10ms;
      for (const auto& [given, rate] : rates) {
        const std::uint64_t bytes = std::min(rate / 100, plan.remaining(given.stream));
        if (bytes != 0) receive(given, bytes);
      }
    }
  }

  planner plan;
  planner::time_point now{std::chrono::seconds(10)};
  std::chrono::milliseconds round_trip{10};
};

bool has(const std::vector<stream_id>& list, const assignment& given) {
  return std::find(list.begin(), list.end(), given.stream) != list.end();
}

}  // namespace

TEST_CASE("a blob of one segment is asked for as a whole") {
  bench t(4);
  const blob_id blob = t.open(3 * MiB);
  const assignment given = t.must();
  CHECK(given.blob == blob);
  CHECK(given.kind == segment_kind::whole);
  CHECK(given.range == byte_range{0, 3 * MiB});
  CHECK_FALSE(t.next());
}

TEST_CASE("one connection asks for a blob as a whole whatever its size") {
  bench t(1);
  t.open(4096 * MiB);
  CHECK(t.must().kind == segment_kind::whole);
}

TEST_CASE("what is left of a resumed blob is asked for as ranges around what is held") {
  bench t(1);
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

TEST_CASE("nothing else of a blob is asked for before the header of its probe") {
  bench t(4);
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
  bench t(8);
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

TEST_CASE("small blobs come first, the smallest before all, then the largest") {
  bench t(8);
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
  bench t(2);
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
  bench t(2);
  t.round_trip = one.round_trip;
  t.open(4096 * MiB);
  const assignment probe = t.must();
  t.header(probe);
  const assignment second = t.must();
  t.header(second);
  t.flow(300ms, {{second, one.rate}});
  const assignment third = t.must();
  CHECK(static_cast<double>(third.range.length) / MiB >= one.low);
  CHECK(static_cast<double>(third.range.length) / MiB <= one.high);
}

TEST_CASE("segments shrink to the share of a connection near the end, not below 1 MiB") {
  bench t(4);
  t.open(12 * MiB);
  const assignment probe = t.must();
  CHECK(probe.range.length == 3 * MiB);
  t.finish(probe);
  // 9 MiB for four.
  CHECK(t.must().range.length == 9 * MiB / 4);

  bench u(16);
  u.open(8 * MiB);
  CHECK(u.must().range.length == MiB);
}

TEST_CASE("all segments under way fit into the room ahead of the prefix") {
  bench t(16);
  t.round_trip = 300ms;
  t.open(8192 * MiB);
  const assignment probe = t.must();
  t.header(probe);
  const assignment second = t.must();
  t.header(second);
  t.flow(300ms, {{second, 13'000'000}});
  for (int i = 0; i < 14; ++i) CHECK(t.must().kind == segment_kind::segment);
}

TEST_CASE("nothing begins farther ahead of the prefix than the limit") {
  bench t(4);
  t.open(1024 * MiB);
  const assignment head = t.must();
  t.header(head);
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

TEST_CASE("an answer that ends before its range leaves a gap") {
  bench t(2);
  t.open(64 * MiB);
  const assignment probe = t.must();
  t.now += t.round_trip;
  t.plan.header(probe.stream, t.now, range_support::yes, 0, MiB);
  CHECK(t.plan.remaining(probe.stream) == MiB);
  CHECK(t.must().range.offset == MiB);
}

TEST_CASE("a probe answered with the whole becomes the only stream of its blob") {
  bench t(4);
  t.open(100 * MiB);
  const assignment probe = t.must();
  t.header(probe, range_support::no);
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

TEST_CASE("an idle connection takes the rear part of the longest work") {
  bench t(2);
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
  bench t(2);
  t.open(4 * MiB);
  const assignment whole = t.must();
  t.header(whole, range_support::unknown);
  t.flow(500ms, {{whole, 7'400'000}});
  CHECK(t.plan.remaining(whole.stream) < 512 * KiB);
  CHECK_FALSE(t.next());
}

TEST_CASE("a thief takes most from a victim that crawls") {
  bench t(2);
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
  bench t(2);
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
  bench t(3);
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
  bench t(2);
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
  bench t(2);
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

TEST_CASE("no more than three per cent is hedged") {
  bench t(2);
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
  t.now += 5s;
  given = t.next();
  CHECK_FALSE((given && given->kind == segment_kind::hedge));
}

TEST_CASE("a stream far below the median for two seconds is named") {
  bench t(4);
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
  for (int i = 0; i < 5; ++i) {
    t.flow(100ms, rates);
    t.plan.laggards(t.now);
  }
  const std::vector<stream_id> slow = t.plan.laggards(t.now);
  CHECK(slow.size() == 1);
  CHECK(has(slow, given[3]));
}

TEST_CASE("the last connection is never named, nor who waits for a header as long as others did") {
  bench t(2);
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
  bench t(3);
  t.round_trip = 100ms;
  t.open(60 * MiB);
  const assignment first = t.must();
  t.header(first);
  const assignment second = t.must();
  t.header(second);
  t.flow(1s, {{first, 4'000'000}, {second, 4'000'000}});
  CHECK(t.next());  // 52 MB at 8 MB/s

  bench u(3);
  u.round_trip = 100ms;
  u.open(4 * MiB);
  u.open(MiB);
  const assignment large = u.must();
  u.header(large, range_support::unknown);
  u.flow(500ms, {{large, 8'000'000}});
  CHECK_FALSE(u.next());  // 1.2 MB at 8 MB/s
}

TEST_CASE("a stream of a blob's earlier life brings nothing to its next") {
  bench t(2);
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

TEST_CASE("what is outstanding follows adding, opening, receiving and dropping") {
  bench t(2);
  const blob_id first = t.plan.add(10 * MiB);
  const blob_id second = t.plan.add(MiB);
  CHECK(t.plan.outstanding() == 11 * MiB);
  byte_ranges held;
  held.add({0, 4 * MiB});
  t.plan.open(first, held);
  CHECK(t.plan.outstanding() == 7 * MiB);
  CHECK(t.plan.claimed(first) == 4 * MiB);
  const assignment given = t.must();
  t.header(given);
  t.receive(given, MiB);
  CHECK(t.plan.outstanding() == 6 * MiB);
  t.plan.drop(second);
  CHECK(t.plan.outstanding() == 5 * MiB);
  t.plan.drop(first);
  CHECK(t.plan.outstanding() == 0);
}

TEST_CASE("a thousand layers are handed out one by one, each once") {
  bench t(16);
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

TEST_CASE("after a failure one stream looks whether a blob answers again, and the others do something else") {
  bench t(4);
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
  bench t(2);
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

TEST_CASE("a stream that waits for something of ours is not silent") {
  bench t(2);
  const blob_id blob = t.open(3 * MiB);
  const assignment first = t.must();
  t.header(first, range_support::yes);
  t.receive(first, 3 * MiB - 32 * KiB);
  t.plan.held_up(first.stream, t.now, true);
  t.now += 60s;
  CHECK_FALSE(t.next(blob));
  t.plan.held_up(first.stream, t.now, false);
  t.now += 60s;
  CHECK(t.must(blob).kind == segment_kind::hedge);
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

TEST_CASE("in order, the first blob with gaps gets everybody, small ones later too") {
  planner::settings values;
  values.connections = 2;
  values.in_order = true;
  bench b(2);
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
