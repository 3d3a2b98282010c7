#pragma once

#include "runtime/task.hpp"

#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

namespace gantry::runtime {

/// Calls a function when a time is over, unless destroyed before. Pushing the time out with \ref extend costs no system call: the timer is
/// only looked at again when it fires. Used on the strand alone.
class deadline {
 public:
  using clock = std::chrono::steady_clock;

  deadline(const executor& where, std::chrono::milliseconds limit, std::function<void()> on_expiry)
      : state_(std::make_shared<state>(where, clock::now() + limit, std::move(on_expiry))) {
    arm(state_);
  }
  deadline(const deadline&) = delete;
  deadline& operator=(const deadline&) = delete;
  ~deadline() {
    state_->armed = false;
    state_->timer.cancel();
  }

  /// Counts anew from now.
  void extend(std::chrono::milliseconds limit) {
    const clock::time_point due = clock::now() + limit;
    const bool sooner = due < state_->due;
    state_->due = due;
    if (sooner && state_->armed) arm(state_);  // replaces the pending wait
  }

  bool expired() const noexcept { return state_->expired; }

 private:
  struct state {
    state(const executor& where, clock::time_point when, std::function<void()> function)
        : timer(where), due(when), on_expiry(std::move(function)) {}
    asio::steady_timer timer;
    clock::time_point due;
    std::function<void()> on_expiry;
    bool armed = true;
    bool expired = false;
  };

  static void arm(const std::shared_ptr<state>& shared) {
    shared->timer.expires_at(shared->due);
    // The state is shared with the handler: a timer that has just fired cannot be called back.
    shared->timer.async_wait([shared](boost::system::error_code code) {
      if (code || !shared->armed) return;
      if (clock::now() < shared->due) return arm(shared);
      shared->armed = false;
      shared->expired = true;
      shared->on_expiry();
    });
  }

  std::shared_ptr<state> state_;
};

}  // namespace gantry::runtime
