#pragma once

#include "runtime/task.hpp"
#include "support/catch.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <utility>

namespace gantry::test {

/// The engine's strand, run by the thread of the test. Whatever was started must have ended, timers included, when a run is over: a context
/// that does not drain fails the test.
class loop {
 public:
  static constexpr std::chrono::seconds patience{20};

  boost::asio::io_context context;
  runtime::executor executor{boost::asio::make_strand(context.get_executor())};

  /// Runs \p work and everything spawned before to the end. \returns what \p work returns; rethrows what it throws.
  template <class T>
  T run(runtime::task<T> work) {
    std::optional<T> value;
    run(keep(std::move(work), value));
    return std::move(*value);
  }

  void run(runtime::task<> work) {
    std::exception_ptr error;
    bool done = false;
    boost::asio::co_spawn(executor, std::move(work), [&](std::exception_ptr thrown) {
      error = thrown;
      done = true;
    });
    drain();
    if (error) std::rethrow_exception(error);
    if (!done) FAIL("the task never ended");
  }

  /// Starts \p work with the next \ref run or \ref drain; an exception ends that one.
  void spawn(runtime::task<> work) {
    boost::asio::co_spawn(executor, std::move(work), [](std::exception_ptr thrown) {
      if (thrown) std::rethrow_exception(thrown);
    });
  }
  /// Starts \p work and keeps what it returns in \p into, which must live until the next \ref drain.
  template <class T>
  void spawn(runtime::task<T> work, std::optional<T>& into) {
    spawn(keep(std::move(work), into));
  }
  void post(std::function<void()> call) { boost::asio::post(executor, std::move(call)); }

  /// Runs until nothing is left to do.
  void drain() {
    context.restart();
    context.run_for(patience);
    if (!context.stopped()) FAIL("something is still waiting after " << patience.count() << " s");
  }
  /// Runs what can be run now.
  void poll() {
    context.restart();
    context.poll();
  }
  /// Runs for a time, whatever is left then.
  void run_for(std::chrono::milliseconds time) {
    context.restart();
    context.run_for(time);
  }

 private:
  template <class T>
  static runtime::task<> keep(runtime::task<T> work, std::optional<T>& into) {
    T value = co_await std::move(work);
    into.emplace(std::move(value));
  }
};

/// Time since it was made.
class stopwatch {
 public:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start_);
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace gantry::test
