#pragma once

#include <dlfcn.h>

namespace gantry::test {

/// Whether a sanitizer is at work; the tests themselves are not always compiled with it.
inline bool keeps_freed_memory() {
  return ::dlsym(RTLD_DEFAULT, "__asan_init") != nullptr || ::dlsym(RTLD_DEFAULT, "__tsan_init") != nullptr;
}

}  // namespace gantry::test
