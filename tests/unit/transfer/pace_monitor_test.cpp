#include "transfer/pace_monitor.hpp"

#include "support/catch.hpp"

#include <cstdint>
#include <vector>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;
using ids = std::vector<pace_monitor::connection_id>;

constexpr pace_monitor::time_point start{};
constexpr std::uint64_t kib = 1024;

TEST_CASE("who is dropped after one window") {
  struct row {
    const char* what;
    std::uint64_t own;     ///< bytes of the connection that is looked at
    std::uint64_t others;  ///< bytes of another
    bool dropped;
  };
  const std::vector<row> table{
      {"a crawler beside a runner", 30 * kib - 1, 30 * 16 * kib + 1, true},
      {"nothing at all beside a runner", 0, 30 * 16 * kib + 1, true},
      {"just fast enough", 30 * kib, 30 * 16 * kib + 1, false},
      {"a crawler beside a slow one", 0, 30 * 16 * kib, false},
      {"all is slow", 10, 10, false},
  };
  for (const row& one : table) {
    INFO(one.what);
    pace_monitor monitor;
    const auto looked_at = monitor.add(start);
    const auto other = monitor.add(start);
    monitor.received(looked_at, one.own);
    monitor.received(other, one.others);
    CHECK(monitor.judge(start + 29s).empty());
    CHECK(monitor.judge(start + 30s) == (one.dropped ? ids{looked_at} : ids{}));
  }
}

TEST_CASE("the only connection is never dropped") {
  pace_monitor monitor;
  const auto gone = monitor.add(start);
  monitor.add(start);
  monitor.received(gone, 30'000 * kib);
  monitor.remove(gone);
  CHECK(monitor.judge(start + 30s).empty());
}

TEST_CASE("one is left when all that remain crawl") {
  pace_monitor monitor;
  const auto gone = monitor.add(start);
  const auto first = monitor.add(start);
  const auto second = monitor.add(start);
  monitor.add(start);
  monitor.received(gone, 30'000 * kib);
  monitor.remove(gone);
  CHECK(monitor.judge(start + 30s) == ids{first, second});
}

TEST_CASE("each window is judged for itself") {
  pace_monitor monitor;
  const auto one = monitor.add(start);
  const auto other = monitor.add(start);
  monitor.received(one, 1000 * kib);
  monitor.received(other, 1000 * kib);
  CHECK(monitor.judge(start + 30s).empty());
  monitor.received(other, 1000 * kib);
  CHECK(monitor.judge(start + 59s).empty());
  CHECK(monitor.judge(start + 60s) == ids{one});
}

TEST_CASE("a connection that came later has a window of its own") {
  pace_monitor monitor;
  const auto fast = monitor.add(start);
  monitor.received(fast, 1000 * kib);
  const auto late = monitor.add(start + 20s);
  CHECK(monitor.judge(start + 30s).empty());
  CHECK(monitor.judge(start + 49s).empty());
  // What the other one received before the late one came does not count against it.
  CHECK(monitor.judge(start + 50s).empty());
  monitor.received(fast, 1000 * kib);
  CHECK(monitor.judge(start + 80s) == ids{late});
}

TEST_CASE("bytes of a connection that is gone do no harm") {
  pace_monitor monitor;
  const auto gone = monitor.add(start);
  monitor.remove(gone);
  monitor.received(gone, 5);
  monitor.remove(gone);
  CHECK(monitor.judge(start + 60s).empty());
}

}  // namespace
}  // namespace gantry::transfer
