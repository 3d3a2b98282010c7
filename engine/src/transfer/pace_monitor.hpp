#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <vector>

namespace gantry::transfer {

/// Finds connections that crawl while others run (DESIGN section 7, "too slow"): below 1 KiB/s for 30 s while the others together are above
/// 16 KiB/s. The last connection is never named. Pure; time comes in as a parameter.
class pace_monitor {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using connection_id = std::uint64_t;

  static constexpr std::chrono::seconds window{30};
  static constexpr std::uint64_t slow_bytes_per_second = 1024;
  static constexpr std::uint64_t others_bytes_per_second = 16 * 1024;

  connection_id add(time_point now) {
    const connection_id id = next_++;
    connections_[id] = state{now, 0, total_};
    return id;
  }
  void remove(connection_id id) { connections_.erase(id); }

  void received(connection_id id, std::uint64_t bytes) {
    total_ += bytes;
    if (const auto found = connections_.find(id); found != connections_.end()) found->second.bytes += bytes;
  }

  /// The connections to drop, judged over windows that ended by \p now. Call it every few seconds.
  std::vector<connection_id> judge(time_point now) {
    std::vector<connection_id> slow;
    for (auto& [id, one] : connections_) {
      const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - one.since);
      if (elapsed < window) continue;
      const auto seconds = static_cast<std::uint64_t>(elapsed.count());
      const std::uint64_t others = total_ - one.total_at_start - one.bytes;
      if (one.bytes < slow_bytes_per_second * seconds && others > others_bytes_per_second * seconds &&
          connections_.size() > slow.size() + 1) {
        slow.push_back(id);
      }
      one = state{now, 0, total_};
    }
    return slow;
  }

 private:
  struct state {
    time_point since;
    std::uint64_t bytes = 0;           ///< received since then
    std::uint64_t total_at_start = 0;  ///< of all connections, then
  };
  std::map<connection_id, state> connections_;
  connection_id next_ = 1;
  std::uint64_t total_ = 0;
};

}  // namespace gantry::transfer
