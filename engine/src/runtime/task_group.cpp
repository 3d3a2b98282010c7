#include "runtime/task_group.hpp"

#include <boost/asio/co_spawn.hpp>

#include <utility>

namespace gantry::runtime {

void task_group::spawn(task<> work) {
  ++running_;
  try {
    asio::co_spawn(executor_, std::move(work), [this](std::exception_ptr error) {
      if (error && !error_) error_ = error;
      if (--running_ == 0) idle_.notify_all();
    });
  } catch (...) {
    // What could not be started is not waited for.
    --running_;
    throw;
  }
}

task<> task_group::join() {
  while (running_ != 0) co_await idle_.wait();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace gantry::runtime
