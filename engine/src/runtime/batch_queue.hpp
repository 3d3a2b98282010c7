#pragma once

#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"

#include <cstddef>
#include <deque>
#include <exception>
#include <memory>
#include <utility>
#include <vector>

namespace gantry::runtime {

/// Work for a lane that is cheaper done several items at a time. An item starts at once while a worker is free; what comes while all are
/// busy is taken together by the next that is. Used on the strand alone; outlives all calls of \ref process and
/// what they have started, see \ref join.
///
/// \tparam Item has a member `bool complete`, set by the work; an item that is left incomplete is worked on again, before all others.
template <class Item>
class batch_queue {
 public:
  using batch = std::vector<std::shared_ptr<Item>>;

  /// \param at_once workers; \param most items of one batch; \param work called on the lane, with one item at least
  batch_queue(executor where, lanes& workers, lane which, std::size_t at_once, std::size_t most, void (*work)(const batch&))
      : workers_(workers), which_(which), at_once_(at_once), most_(most), work_(work), busy_(std::move(where)) {}

  /// Waits until \p item is complete, deaf to stops. Rethrows what the work has thrown.
  task<> process(std::shared_ptr<Item> item) {
    const auto mine = std::make_shared<entry>();
    mine->item = std::move(item);
    waiting_.push_back(mine);
    start();
    while (!mine->finished) co_await mine->done.wait();
    if (mine->thrown) std::rethrow_exception(mine->thrown);
  }

  /// Waits for the workers; for those who destroy the queue.
  task<> join() { return busy_.join(); }

 private:
  struct entry {
    std::shared_ptr<Item> item;
    bool finished = false;
    std::exception_ptr thrown;
    signal done;
  };
  using entries = std::vector<std::shared_ptr<entry>>;

  void start() {
    while (running_ < at_once_ && !waiting_.empty()) {
      entries taken;
      while (taken.size() < most_ && !waiting_.empty()) {
        taken.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
      }
      ++running_;
      busy_.spawn(run(std::move(taken)));
    }
  }

  task<> run(entries taken) {
    batch items;
    for (const std::shared_ptr<entry>& one : taken) items.push_back(one->item);
    auto call = [work = work_, items = std::move(items)] {
      work(items);
      return true;
    };
    std::exception_ptr thrown;
    try {
      co_await offload(workers_, which_, std::move(call));
    } catch (...) {
      thrown = std::current_exception();
    }
    for (const std::shared_ptr<entry>& one : taken) {
      one->thrown = thrown;
      one->finished = thrown || one->item->complete;
      if (one->finished) {
        one->done.notify_all();
      } else {
        waiting_.push_front(one);
      }
    }
    --running_;
    start();
  }

  lanes& workers_;
  lane which_;
  std::size_t at_once_;
  std::size_t most_;
  void (*work_)(const batch&);
  std::size_t running_ = 0;
  std::deque<std::shared_ptr<entry>> waiting_;
  task_group busy_;
};

}  // namespace gantry::runtime
