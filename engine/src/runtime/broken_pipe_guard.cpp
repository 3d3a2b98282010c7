#include "runtime/broken_pipe_guard.hpp"

#include <pthread.h>

#include <csignal>
#include <ctime>

namespace gantry::runtime {
namespace {

sigset_t only_sigpipe() noexcept {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  return set;
}

bool is_pending() noexcept {
  sigset_t pending;
  sigemptyset(&pending);
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}

}  // namespace

broken_pipe_guard::broken_pipe_guard() noexcept : was_pending_(is_pending()) {
  const sigset_t set = only_sigpipe();
  pthread_sigmask(SIG_BLOCK, &set, &before_);
}

broken_pipe_guard::~broken_pipe_guard() {
  // A signal that was pending before belongs to somebody else.
  if (!was_pending_ && is_pending()) {
    const sigset_t set = only_sigpipe();
#ifdef __APPLE__
    int taken = 0;
    sigwait(&set, &taken);
#else
    // With a limit of nothing: another thread may have taken one that was sent to the process.
    const timespec at_once{};
    sigtimedwait(&set, nullptr, &at_once);
#endif
  }
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

}  // namespace gantry::runtime
