#pragma once

#include "runtime/no_thread.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <system_error>
#include <thread>

namespace gantry::facade {

/// The thread of an engine that was given no executor.
struct own_thread {
  own_thread() {
    try {
      thread = std::thread([this] { context.run(); });
    } catch (const std::system_error&) {
      throw runtime::no_thread();
    }
  }
  own_thread(const own_thread&) = delete;
  own_thread& operator=(const own_thread&) = delete;
  ~own_thread() {
    // Not joined yet when the engine around it could not be made.
    work.reset();
    if (thread.joinable()) thread.join();
  }

  boost::asio::io_context context{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{context.get_executor()};
  std::thread thread;
};

}  // namespace gantry::facade
