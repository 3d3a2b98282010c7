#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace gantry::relay {

using clock = std::chrono::steady_clock;

/// Lets bytes through at a rate. A wake-up that comes late is made up for, up to 50 ms of it, so that the average holds on a busy machine;
/// an idle time is not saved up beyond that.
class token_bucket {
 public:
  /// \param rate bytes per second; 0 lets everything through
  token_bucket(std::uint64_t rate, clock::time_point now) : rate_(rate), last_(now) {}

  void refill(clock::time_point now) {
    if (rate_ == 0) return;
    const auto passed = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    const auto rate = static_cast<double>(rate_);
    tokens_ = std::min(tokens_ + rate * passed, std::max(rate * 0.05, 1.0));
  }
  std::uint64_t available() const {
    if (rate_ == 0) return std::numeric_limits<std::uint64_t>::max();
    return tokens_ >= 1 ? static_cast<std::uint64_t>(tokens_) : 0;
  }
  void take(std::uint64_t bytes) {
    if (rate_ != 0) tokens_ -= static_cast<double>(bytes);
  }

 private:
  std::uint64_t rate_;
  double tokens_ = 0;
  clock::time_point last_;
};

}  // namespace gantry::relay
