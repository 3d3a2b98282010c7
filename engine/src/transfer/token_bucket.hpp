#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace gantry::transfer {

/// Paces bytes to a rate. Each grant is given its own moment behind those of all earlier grants, so that waiters are served in order and
/// nothing drifts; what was not used while nobody asked is lost but for a twentieth of a second. Pure; time comes in as a parameter.
class token_bucket {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds burst{50};
  static constexpr std::size_t least_grant = 1024;
  static constexpr std::size_t largest_grant = 256 * 1024;

  struct grant {
    std::size_t bytes;  ///< at least one unless none was wanted
    time_point from;    ///< when they may be received; may be past
  };

  /// \param bytes_per_second not zero
  token_bucket(std::uint64_t bytes_per_second, time_point now) : rate_(bytes_per_second), due_(now) {}

  grant take(time_point now, std::size_t wanted) {
    due_ = std::max(due_, now - burst);
    // A grant is worth at most the burst, so that all connections get their turn and progress is seen to flow.
    const auto share = static_cast<std::size_t>(rate_ / (std::chrono::seconds(1) / burst));
    const grant given{std::min(wanted, std::clamp(share, least_grant, largest_grant)), due_};
    due_ += time_of(given.bytes);
    return given;
  }

  /// Of an earlier grant \p bytes were not used.
  void give_back(std::size_t bytes) { due_ -= time_of(bytes); }

 private:
  std::chrono::nanoseconds time_of(std::size_t bytes) const {
    return std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(bytes) / static_cast<double>(rate_) * 1e9));
  }

  std::uint64_t rate_;
  time_point due_;  ///< when the next byte may be received
};

}  // namespace gantry::transfer
