#pragma once

#include "runtime/task.hpp"

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace gantry::runtime {

/// Which worker threads run a blocking or long call (DESIGN section 2).
enum class lane {
  cpu,    ///< hashing and (de)compression; as many threads as cores; nothing that blocks
  files,  ///< the file system; four threads
  names,  ///< getaddrinfo and credential sources; two threads, since one call may hang for seconds
  apart,  ///< a thread for this call alone: for what waits for other calls to be made, and would wait for ever in a lane they need
};

/// The worker threads of one engine. \ref offload moves a call there and comes back to the strand. To be destroyed, which joins the
/// threads, before the context of that strand: a worker holds on to the executor for a moment after its caller was told.
class lanes {
 public:
  lanes();
  ~lanes();
  lanes(const lanes&) = delete;
  lanes& operator=(const lanes&) = delete;

  class job {
   public:
    virtual ~job() = default;
    virtual void run() noexcept = 0;
  };
  /// Completes on the caller's executor after \p work ran; never abandoned, deaf to stops.
  task<> execute(lane where, std::shared_ptr<job> work);

  /// Has \p work run on the CPU lane, soon; for helpers of a thread that waits for them. Any thread may call it. \p work must not throw.
  void post_cpu(std::function<void()> work);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

namespace detail {
template <class Function>
class offloaded final : public lanes::job {
 public:
  using value_type = std::invoke_result_t<Function&>;

  explicit offloaded(Function function) : function_(std::move(function)) {}

  void run() noexcept override {
    try {
      value_.emplace((*function_)());
    } catch (...) {
      error_ = std::current_exception();
    }
    // What the closure owns is released here, before anybody is told that the call has returned.
    function_.reset();
  }

  value_type take() {
    if (error_) std::rethrow_exception(error_);
    return std::move(*value_);
  }

 private:
  std::optional<Function> function_;
  std::optional<value_type> value_;
  std::exception_ptr error_;
};
}  // namespace detail

/// Runs \p function on \p where and returns what it returns. The closure must own what it uses, or use what outlives the returned task.
template <class Function>
task<std::invoke_result_t<Function&>> offload(lanes& workers, lane where, Function function) {
  auto work = std::make_shared<detail::offloaded<Function>>(std::move(function));
  co_await workers.execute(where, work);
  co_return work->take();
}

}  // namespace gantry::runtime
