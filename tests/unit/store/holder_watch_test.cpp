#include "store/holder_watch.hpp"

#include "support/catch.hpp"

using gantry::store::holder_watch;
using namespace std::chrono_literals;

TEST_CASE("a holder whose part grows is waited for, however long it takes") {
  holder_watch watch;
  const holder_watch::time_point start(1000h);
  for (int i = 0; i < 100; ++i) CHECK_FALSE(watch.is_stuck(i, start + i * 60s));
}

TEST_CASE("a holder whose part has not grown for a minute is bypassed, from the first look on") {
  const std::int64_t growth = GENERATE(0, 42);
  holder_watch watch;
  const holder_watch::time_point start(1000h);
  CHECK_FALSE(watch.is_stuck(growth, start));
  CHECK_FALSE(watch.is_stuck(growth, start + 60s));
  CHECK(watch.is_stuck(growth, start + 60s + 1ms));
  // It came back to life.
  CHECK_FALSE(watch.is_stuck(growth + 1, start + 61s));
  CHECK_FALSE(watch.is_stuck(growth + 1, start + 121s));
  CHECK(watch.is_stuck(growth + 1, start + 122s));
}
