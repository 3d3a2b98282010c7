#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gantry::transfer {

/// Paces bytes to a rate: each grant puts the moment of the next one off by the time that its bytes take, and what comes back of a grant
/// brings it nearer again, so that nothing drifts. What was not used while nobody asked is lost but for a twentieth of a second. Pure; time
/// comes in as a parameter.
class token_bucket {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds burst{50};
  static constexpr std::size_t least_grant = 1024;
  static constexpr std::size_t largest_grant = 256 * 1024;

  /// \param bytes_per_second not zero
  token_bucket(std::uint64_t bytes_per_second, time_point now) : rate_(bytes_per_second), due_(now) {}

  /// When the next bytes may be moved; may be past.
  time_point ready() const noexcept { return due_; }

  /// \returns how many of \p wanted bytes may be moved at once: none before \ref ready, and at least one from then on unless none was
  /// wanted
  std::size_t take(time_point now, std::size_t wanted) {
    if (now < due_) return 0;
    due_ = std::max(due_, now - burst);
    // A grant is worth at most the burst, so that all connections get their turn and progress is seen to flow.
    const auto share = static_cast<std::size_t>(rate_ / (std::chrono::seconds(1) / burst));
    const std::size_t given = std::min(wanted, std::clamp(share, least_grant, largest_grant));
    due_ += time_of(given);
    return given;
  }

  /// Of an earlier grant \p bytes were not used.
  void give_back(std::size_t bytes) { due_ -= time_of(bytes); }

 private:
  std::chrono::nanoseconds time_of(std::size_t bytes) const {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate_) * 1e9));
  }

  std::uint64_t rate_;
  time_point due_;
};

}  // namespace gantry::transfer
