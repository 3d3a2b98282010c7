#pragma once

#include <csignal>

namespace gantry::runtime {

/// While it lives, a write of this thread to a pipe or socket that nobody reads fails with EPIPE and raises nothing: SIGPIPE is blocked,
/// and one that became pending meanwhile is consumed. Signal dispositions of the process are not touched.
class broken_pipe_guard {
 public:
  broken_pipe_guard() noexcept;
  ~broken_pipe_guard();
  broken_pipe_guard(const broken_pipe_guard&) = delete;
  broken_pipe_guard& operator=(const broken_pipe_guard&) = delete;

 private:
  sigset_t before_{};
  bool was_pending_ = false;
};

}  // namespace gantry::runtime
