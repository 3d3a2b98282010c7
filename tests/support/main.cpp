#define CATCH_CONFIG_MAIN
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
int main(int argc, char** argv) { return Catch::Session().run(argc, argv); }
#else
#include <catch2/catch.hpp>
#endif

#ifdef __SANITIZE_THREAD__
// The count of an exception_ptr lives in libstdc++.so, which the thread sanitizer does not see: an exception that a future rethrew here and
// that the engine's thread lets go of last looks like a race of its own destruction.
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:std::__exception_ptr::exception_ptr::_M_release\n"; }
#endif
