#include "runtime/semaphore.hpp"

#include "support/loop.hpp"

#include <optional>
#include <vector>

namespace gantry::runtime {
namespace {

using permit = semaphore::permit;

TEST_CASE("permits are taken, and given back when dropped") {
  test::loop loop;
  stop_source stop;
  semaphore permits(3);
  {
    const permit two = loop.run(permits.acquire(2, stop));
    CHECK(two);
    CHECK(permits.available() == 1);
  }
  CHECK(permits.available() == 3);
}

TEST_CASE("what was taken together is given back one by one") {
  test::loop loop;
  stop_source stop;
  semaphore permits(3);
  permit all = loop.run(permits.acquire(3, stop));
  permit two = all.split(2);
  CHECK(two);
  CHECK(all);
  CHECK(permits.available() == 0);
  two.reset();
  CHECK(permits.available() == 2);
  permit last = all.split(5);
  CHECK(last);
  CHECK_FALSE(all);
  CHECK_FALSE(all.split(1));
  last.reset();
  CHECK(permits.available() == 3);
}

TEST_CASE("a large request is not overtaken by small ones") {
  test::loop loop;
  stop_source stop;
  semaphore permits(2);
  permit held = loop.run(permits.acquire(1, stop));
  std::optional<permit> large;
  std::optional<permit> small;
  loop.spawn(permits.acquire(2, stop), large);
  loop.spawn(permits.acquire(1, stop), small);
  loop.poll();
  CHECK_FALSE(large);
  CHECK_FALSE(small);  // one is free, but it is not its turn
  held.reset();
  loop.poll();
  REQUIRE(large);
  CHECK_FALSE(small);
  large.reset();
  loop.drain();
  REQUIRE(small);
  CHECK(*small);
}

TEST_CASE("a stopped waiter gets nothing and makes way for the next") {
  test::loop loop;
  stop_source stop;
  stop_source impatient;
  semaphore permits(2);
  permit held = loop.run(permits.acquire(1, stop));
  std::optional<permit> large;
  std::optional<permit> small;
  loop.spawn(permits.acquire(2, impatient), large);
  loop.spawn(permits.acquire(1, stop), small);
  loop.poll();
  impatient.request_stop();
  loop.drain();
  REQUIRE(large);
  CHECK_FALSE(*large);
  REQUIRE(small);
  CHECK(*small);
  CHECK(permits.available() == 0);
}

TEST_CASE("a stop of the past gets no permit, however many are free") {
  test::loop loop;
  stop_source stop;
  stop.request_stop();
  semaphore permits(2);
  CHECK_FALSE(loop.run(permits.acquire(1, stop)));
  CHECK(permits.available() == 2);
}

TEST_CASE("a grant that meets a stop is not lost") {
  test::loop loop;
  stop_source stop;
  stop_source other;
  semaphore permits(1);
  permit held = loop.run(permits.acquire(1, other));
  std::optional<permit> waiting;
  loop.spawn(permits.acquire(1, stop), waiting);
  loop.poll();
  held.reset();
  stop.request_stop();  // after the grant, before the waiter has run
  loop.drain();
  REQUIRE(waiting);
  waiting.reset();
  CHECK(permits.available() == 1);
}

TEST_CASE("a moved permit is given back once") {
  test::loop loop;
  stop_source stop;
  semaphore permits(2);
  permit a = loop.run(permits.acquire(1, stop));
  permit b = std::move(a);
  CHECK_FALSE(a);
  permit c = loop.run(permits.acquire(1, stop));
  c = std::move(b);
  CHECK(permits.available() == 1);
  c.reset();
  c.reset();
  CHECK(permits.available() == 2);
}

TEST_CASE("a waiter whose frame goes with its context leaves the queue") {
  stop_source stop;
  semaphore permits(1);
  permit held;
  std::optional<permit> waiting;
  {
    test::loop loop;
    held = loop.run(permits.acquire(1, stop));
    loop.spawn(permits.acquire(1, stop), waiting);
    loop.poll();
  }
  held.reset();  // would serve a waiter that is no more
  CHECK(permits.available() == 1);
}

}  // namespace
}  // namespace gantry::runtime
