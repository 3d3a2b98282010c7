#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace gantry::app {

/// Bytes per second over a sliding window of five seconds: steady enough to read, quick enough to show a stall.
class byte_rate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  void add(std::uint64_t bytes, time_point now);
  double value(time_point now) const;

 private:
  struct slot {
    time_point begin;
    std::uint64_t bytes = 0;
  };
  std::deque<slot> slots_;  // of 100 ms, the newest last
  time_point first_{};
};

}  // namespace gantry::app
