#include "runtime/signal.hpp"

#include "support/loop.hpp"

#include <optional>

namespace gantry::runtime {
namespace {

using namespace std::chrono_literals;

task<> wait_and_count(signal& on, stop_source& stop, int& woken) {
  co_await on.wait(stop);
  ++woken;
}

TEST_CASE("a sleep lasts its time") {
  test::loop loop;
  stop_source stop;
  const test::stopwatch watch;
  CHECK(loop.run(sleep_for(60ms, stop)));
  CHECK(watch.elapsed() >= 60ms);
}

TEST_CASE("a stop ends a sleep, and one of the past lets none begin") {
  test::loop loop;
  stop_source stop;
  std::optional<bool> slept;
  const test::stopwatch watch;
  loop.spawn(sleep_for(15s, stop), slept);
  loop.poll();
  stop.request_stop();
  loop.drain();
  CHECK(slept == false);
  CHECK_FALSE(loop.run(sleep_for(15s, stop)));
  CHECK(watch.elapsed() < 10s);
}

TEST_CASE("notify_one wakes the one who has waited longest, notify_all everybody") {
  test::loop loop;
  signal on;
  stop_source stop;
  int first = 0;
  int others = 0;
  loop.spawn(wait_and_count(on, stop, first));
  loop.spawn(wait_and_count(on, stop, others));
  loop.spawn(wait_and_count(on, stop, others));
  loop.poll();
  on.notify_one();
  loop.poll();
  CHECK(first == 1);
  CHECK(others == 0);
  on.notify_all();
  loop.drain();
  CHECK(others == 2);
}

TEST_CASE("a notification is not lost on a waiter that was stopped before") {
  test::loop loop;
  signal on;
  stop_source stopped;
  stop_source stop;
  int woken = 0;
  int other = 0;
  loop.spawn(wait_and_count(on, stopped, woken));
  loop.spawn(wait_and_count(on, stop, other));
  loop.poll();
  stopped.request_stop();  // the first has not run since, and would take the notification with it
  on.notify_one();
  loop.drain();
  CHECK(woken == 1);
  CHECK(other == 1);
}

TEST_CASE("a wait with a limit ends at the limit") {
  test::loop loop;
  signal on;
  stop_source stop;
  const test::stopwatch watch;
  loop.run(on.wait(stop, 60ms));
  CHECK(watch.elapsed() >= 60ms);
  on.notify_all();  // nobody is there any more
}

TEST_CASE("a waiter whose frame goes with its context leaves the signal whole") {
  signal on;
  stop_source stop;
  {
    test::loop loop;
    int woken = 0;
    loop.spawn(wait_and_count(on, stop, woken));
    loop.poll();
  }
  on.notify_all();
  stop.request_stop();
  SUCCEED();
}

}  // namespace
}  // namespace gantry::runtime
