#include "runtime/signal.hpp"

#include <boost/asio/this_coro.hpp>

namespace gantry::runtime {

task<bool> sleep_for(std::chrono::milliseconds duration, stop_source& stop) {
  if (stop.stop_requested()) co_return false;
  const executor where = co_await asio::this_coro::executor;
  asio::steady_timer timer(where, duration);
  const stop_source::registration registered(stop, [&timer] { timer.cancel(); });
  co_await timer.async_wait(use_task);
  co_return !stop.stop_requested();
}

task<> signal::wait(stop_source& stop, std::chrono::milliseconds limit) {
  if (stop.stop_requested()) co_return;
  const executor where = co_await asio::this_coro::executor;
  waiter self(where);
  self.timer.expires_after(limit);
  waiters_.push_back(self);
  const stop_source::registration registered(stop, [&self] {
    self.unlink();  // a notification that comes before the waiter has left is for another
    self.timer.cancel();
  });
  co_await self.timer.async_wait(use_task);
}

task<> signal::wait() {
  const executor where = co_await asio::this_coro::executor;
  waiter self(where);
  self.timer.expires_at(asio::steady_timer::time_point::max());
  waiters_.push_back(self);
  co_await self.timer.async_wait(use_task);
}

void signal::notify_one() {
  if (waiters_.empty()) return;
  waiter& first = waiters_.front();
  waiters_.pop_front();
  first.timer.cancel();
}

void signal::notify_all() {
  while (!waiters_.empty()) notify_one();
}

}  // namespace gantry::runtime
