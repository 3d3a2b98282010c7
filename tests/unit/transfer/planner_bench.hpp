#pragma once

#include "transfer/planner.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::transfer {

inline constexpr std::uint64_t KiB = 1024;
inline constexpr std::uint64_t MiB = 1024 * KiB;

/// Whether \p list names the stream of \p given.
inline bool has(const std::vector<stream_id>& list, const assignment& given) {
  return std::find(list.begin(), list.end(), given.stream) != list.end();
}

/// A planner with a clock.
struct planner_bench {
  explicit planner_bench(unsigned connections) : plan({connections}) {}

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
  /// The header of an answer without trouble: that of a whole blob tells nothing of ranges.
  void usual_header(const assignment& given) {
    header(given, given.kind == segment_kind::whole ? range_support::unknown : range_support::yes);
  }
  /// The next assignment, and its header.
  assignment answered(range_support support = range_support::yes) {
    const assignment given = must();
    header(given, support);
    return given;
  }
  /// Work for \p count connections: one whose header shows that ranges work, and then all others at a time.
  std::vector<assignment> answered_all(std::size_t count) {
    std::vector<assignment> given{answered()};
    while (given.size() < count) given.push_back(must());
    for (std::size_t i = 1; i < count; ++i) header(given[i]);
    return given;
  }
  std::vector<byte_range> receive(const assignment& given, std::uint64_t bytes) {
    const std::vector<byte_range> mine = plan.received(given.stream, now, bytes);
    for (const byte_range& part : mine) plan.written(given.blob, part);
    return mine;
  }
  /// All bytes that are left, end.
  void receive_rest(const assignment& given) {
    receive(given, plan.remaining(given.stream));
    plan.ended(given.stream);
  }
  /// Header, all bytes, end.
  void finish(const assignment& given) {
    usual_header(given);
    receive_rest(given);
  }
  /// Streams, and how many bytes per second each receives.
  using rates_of_streams = std::vector<std::pair<assignment, std::uint64_t>>;
  void flow(std::chrono::milliseconds time, const rates_of_streams& rates) {
    constexpr std::chrono::milliseconds turn{10};
    for (; time > std::chrono::milliseconds(0); time -= turn) {
      now += turn;
      for (const auto& [given, rate] : rates) {
        const std::uint64_t bytes = std::min(rate / 100, plan.remaining(given.stream));
        if (bytes != 0) receive(given, bytes);
      }
    }
  }

  /// Whether \p given is named to be cut within five seconds of that.
  bool named_soon(const assignment& given, const rates_of_streams& rates) {
    for (int i = 0; i < 50; ++i) {
      flow(std::chrono::milliseconds(100), rates);
      if (has(plan.laggards(now), given)) return true;
    }
    return false;
  }

  planner plan;
  planner::time_point now{std::chrono::seconds(10)};
  std::chrono::milliseconds round_trip{10};
};

/// A blob of which all is there but what two streams that have fallen silent ask for, and one that has brought its part.
struct two_silent {
  two_silent() {
    t.open(blob_size);
    first = t.answered();
    second = t.answered();
    third = t.answered();
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

}  // namespace gantry::transfer
