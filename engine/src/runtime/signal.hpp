#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>

#include <chrono>

namespace gantry::runtime {

/// Waits for a time. \returns false when \p stop ended it early.
task<bool> sleep_for(std::chrono::milliseconds duration, stop_source& stop);

/// A condition variable of the strand: waiters sleep until notified. As with any condition variable the waiter checks its condition again.
class signal {
 public:
  signal() = default;
  signal(const signal&) = delete;
  signal& operator=(const signal&) = delete;

  /// Sleeps until a notification, a stop, or \p limit. Must not be destroyed while somebody waits.
  task<> wait(stop_source& stop, std::chrono::milliseconds limit = std::chrono::hours(24 * 365));
  /// Sleeps until a notification, deaf to stops: for waits that must not be abandoned.
  task<> wait();

  void notify_one();
  void notify_all();

 private:
  struct waiter : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit waiter(const executor& where) : timer(where) {}
    asio::steady_timer timer;
  };
  boost::intrusive::list<waiter, boost::intrusive::constant_time_size<false>> waiters_;
};

}  // namespace gantry::runtime
