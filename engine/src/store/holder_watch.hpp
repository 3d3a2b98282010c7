#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gantry::store {

/// Decides when to stop waiting for another process that fetches the same blob: when its part has not grown for a minute, it is taken for
/// dead or stuck, and the blob is fetched into a part of one's own (DESIGN section 4, "Locks"). Pure.
class holder_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds patience{60};

  /// One look. \param growth content_store::growth_stamp at \p now \returns whether the holder is to be bypassed
  bool is_stuck(std::int64_t growth, time_point now) noexcept {
    if (growth_ != growth) {
      growth_ = growth;
      changed_ = now;
    }
    return now - changed_ > patience;
  }

 private:
  std::optional<std::int64_t> growth_;
  time_point changed_{};
};

}  // namespace gantry::store
