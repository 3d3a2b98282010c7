#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace gantry {

/// Exponential backoff with jitter (DESIGN section 7): first, twice that, ... up to the cap, each varied by a quarter either way. Pure; the
/// caller waits.
class backoff {
 public:
  struct parameters {
    std::chrono::milliseconds first{500};
    std::chrono::milliseconds cap{30'000};
  };

  backoff(parameters values, std::uint32_t seed) : values_(values), next_(values.first), random_(seed) {}

  /// The delay before the next attempt.
  std::chrono::milliseconds next() {
    const std::chrono::milliseconds base = next_;
    next_ = std::min(next_ * 2, values_.cap);
    std::uniform_real_distribution<double> jitter(0.75, 1.25);
    return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(static_cast<double>(base.count()) * jitter(random_)));
  }

  /// Progress was made: begin anew.
  void reset() noexcept { next_ = values_.first; }

 private:
  parameters values_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_;
};

}  // namespace gantry
