#pragma once

#include "runtime/signal.hpp"
#include "runtime/task.hpp"

#include <cstddef>
#include <exception>

namespace gantry::runtime {

/// Tasks that run at the same time on one executor and end before the group does: whoever spawns joins. Tasks report expected failures
/// through what they write; an exception is a defect and is rethrown by \ref join. Used on the strand alone.
class task_group {
 public:
  explicit task_group(executor where) : executor_(std::move(where)) {}
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Starts \p work, which must be a coroutine with by-value parameters or with arguments that outlive \ref join.
  void spawn(task<> work);

  /// Waits for all, deaf to stops, then rethrows the first exception.
  task<> join();

  std::size_t running() const noexcept { return running_; }

 private:
  executor executor_;
  std::size_t running_ = 0;
  signal idle_;
  std::exception_ptr error_;
};

}  // namespace gantry::runtime
