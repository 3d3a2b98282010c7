#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <optional>

namespace gantry::transfer {

/// The recent rate of a stream of bytes: an average over about half a second, so that a burst is no rate and a stall shows soon. Pure.
class rate_meter {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds window{250};

  explicit rate_meter(time_point start) : window_start_(start) {}

  void add(time_point now, std::uint64_t bytes) {
    roll(now);
    window_bytes_ += bytes;
  }

  /// From here to \ref resume somebody else is waited for: that counts as one window at most.
  void pause(time_point now) {
    if (!paused_) paused_ = now;
  }
  /// \returns the time that does not count
  std::chrono::nanoseconds resume(time_point now) {
    if (!paused_) return std::chrono::nanoseconds(0);
    const std::chrono::nanoseconds beyond = std::max<std::chrono::nanoseconds>(now - *paused_ - window, std::chrono::nanoseconds(0));
    paused_.reset();
    window_start_ += beyond;
    return beyond;
  }

  /// Bytes per second; 0 until the first window has passed. It halves with each window of silence.
  double rate(time_point now) {
    roll(now);
    return rate_;
  }

 private:
  void roll(time_point now) {
    if (paused_) now = std::min(now, *paused_ + window);
    const auto elapsed = now - window_start_;
    if (elapsed < window) return;
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const double latest = static_cast<double>(window_bytes_) / seconds;
    // However seldom somebody asks, what was before counts half as much after each window.
    const double kept = known_ ? std::exp2(-seconds / std::chrono::duration<double>(window).count()) : 0;
    rate_ = kept * rate_ + (1 - kept) * latest;
    known_ = true;
    window_bytes_ = 0;
    window_start_ = now;
  }

  time_point window_start_;
  std::uint64_t window_bytes_ = 0;
  double rate_ = 0;
  bool known_ = false;
  std::optional<time_point> paused_;
};

}  // namespace gantry::transfer
