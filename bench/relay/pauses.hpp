#pragma once

#include "token_bucket.hpp"

#include <chrono>
#include <cstdint>

namespace gantry::relay {

/// When a connection stands still as TCP does after a lost packet that only the timer of the sender notices: 0.2 to 1 s each time. The
/// times look like chance and depend on the seed alone, so that two runs meet the same.
class pauses {
 public:
  static constexpr std::chrono::nanoseconds shortest = std::chrono::milliseconds(200);  ///< what Linux waits at least
  static constexpr std::chrono::nanoseconds longest = std::chrono::seconds(1);

  /// \param gap time between two pauses on average, half as much at least; 0: there are none
  constexpr pauses(std::chrono::nanoseconds gap, std::uint64_t seed, clock::time_point now) : gap_(gap), state_(seed), end_(now) { plan(); }

  /// Whether a pause is under way at \p now, which never goes back.
  constexpr bool under_way(clock::time_point now) {
    if (gap_.count() == 0) return false;
    while (now >= end_) plan();
    return now >= begin_;
  }
  /// When the pause that is under way ends.
  constexpr clock::time_point end() const noexcept { return end_; }

 private:
  constexpr void plan() {
    begin_ = end_ + part(gap_ / 2, gap_ + gap_ / 2);
    end_ = begin_ + part(shortest, longest);
  }
  /// A time between the two.
  constexpr std::chrono::nanoseconds part(std::chrono::nanoseconds least, std::chrono::nanoseconds most) {
    state_ = state_ * 6364136223846793005U + 1442695040888963407U;  // Knuth's generator: its high bits look like chance
    return least + (most - least) / 1024 * static_cast<std::int64_t>(state_ >> 54U);
  }

  std::chrono::nanoseconds gap_;
  std::uint64_t state_;
  clock::time_point begin_;
  clock::time_point end_;
};

}  // namespace gantry::relay
