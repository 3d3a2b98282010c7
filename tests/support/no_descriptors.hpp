#pragma once

#include "support/catch.hpp"

#include <sys/resource.h>
#include <unistd.h>

extern "C" __attribute__((weak)) void __asan_init();

namespace gantry::test {

/// Whether a program without descriptors goes on as usual: UBSan looks through a pipe whether memory may be read, and takes every object
/// for a broken one when it gets none.
inline bool descriptors_may_run_out() { return __asan_init == nullptr; }

/// While it lives, this process gets no descriptor beyond those that it has, and those that it gives back.
class no_descriptors {
 public:
  no_descriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int lowest_free = ::dup(STDERR_FILENO);
    REQUIRE(lowest_free >= 0);
    ::close(lowest_free);
    rlimit tight = before_;
    tight.rlim_cur = static_cast<rlim_t>(lowest_free);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
  }
  ~no_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  no_descriptors(const no_descriptors&) = delete;
  no_descriptors& operator=(const no_descriptors&) = delete;

 private:
  rlimit before_{};
};

}  // namespace gantry::test
