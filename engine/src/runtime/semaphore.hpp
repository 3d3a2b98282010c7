#pragma once

#include "runtime/signal.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

namespace gantry::runtime {

/// Counts permits; waiters are served in the order they came, so that a large request is not starved by small ones. Used on the strand
/// alone.
class semaphore {
  struct state {
    std::size_t available;
    struct request {
      request(state& whose, std::size_t count) : owner(whose), wanted(count) { owner.queue.push_back(this); }
      request(const request&) = delete;
      request& operator=(const request&) = delete;
      // Also when the frame goes without having been resumed, as it does with its context.
      ~request() { leave(); }
      void leave() { std::erase(owner.queue, this); }

      state& owner;
      std::size_t wanted;
      bool granted = false;
      signal woken;
    };
    std::deque<request*> queue;

    void serve() {
      while (!queue.empty() && queue.front()->wanted <= available) {
        request* next = queue.front();
        queue.pop_front();
        available -= next->wanted;
        next->granted = true;
        next->woken.notify_all();
      }
    }
  };

 public:
  /// Permits held; given back when destroyed. Empty when the wait was stopped.
  class permit {
   public:
    permit() = default;
    permit(permit&& other) noexcept : state_(std::move(other.state_)), count_(std::exchange(other.count_, 0)) {}
    permit& operator=(permit&& other) noexcept {
      if (this != &other) {
        reset();
        state_ = std::move(other.state_);
        count_ = std::exchange(other.count_, 0);
      }
      return *this;
    }
    ~permit() { reset(); }

    explicit operator bool() const noexcept { return count_ != 0; }

    /// Takes \p count out of these, at most all of them, as a permit of their own.
    permit split(std::size_t count) {
      const std::size_t taken = std::min(count, count_);
      if (taken == 0) return permit();
      count_ -= taken;
      return permit(state_, taken);
    }

    void reset() {
      if (count_ == 0) return;
      state_->available += std::exchange(count_, 0);
      state_->serve();
      state_.reset();
    }

   private:
    friend class semaphore;
    permit(std::shared_ptr<state> owner, std::size_t count) : state_(std::move(owner)), count_(count) {}
    std::shared_ptr<state> state_;
    std::size_t count_ = 0;
  };

  explicit semaphore(std::size_t permits) : state_(std::make_shared<state>()) { state_->available = permits; }

  std::size_t available() const noexcept { return state_->available; }

  /// Waits for \p count permits. \returns an empty permit when \p stop came first. \p count must not exceed the total.
  task<permit> acquire(std::size_t count, stop_source& stop) {
    if (stop.stop_requested()) co_return permit();
    const std::shared_ptr<state> shared = state_;
    state::request self(*shared, count);
    shared->serve();
    while (!self.granted && !stop.stop_requested()) co_await self.woken.wait(stop);
    if (self.granted) co_return permit(shared, count);
    self.leave();
    shared->serve();
    co_return permit();
  }

 private:
  std::shared_ptr<state> state_;
};

}  // namespace gantry::runtime
