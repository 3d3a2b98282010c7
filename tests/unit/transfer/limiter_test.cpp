#include "transfer/limiter.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <optional>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;

task<std::size_t> take_all(limiter& rate, std::size_t bytes, runtime::stop_source& stop) {
  std::size_t grants = 0;
  while (bytes != 0) {
    const std::size_t got = co_await rate.acquire(bytes, stop);
    if (got == 0) co_return 0;
    bytes -= got;
    ++grants;
  }
  co_return grants;
}

TEST_CASE("without a limit everything is granted at once") {
  test::loop loop;
  runtime::stop_source stop;
  limiter none(0);
  CHECK_FALSE(none.limits());
  CHECK(loop.run(take_all(none, 1 << 30, stop)) == 1);
  none.give_back(5);
}

TEST_CASE("those who share a limit take at least the time that their bytes need") {
  test::loop loop;
  runtime::stop_source stop;
  limiter rate(1'000'000);
  const auto start = std::chrono::steady_clock::now();
  std::optional<std::size_t> first;
  std::optional<std::size_t> second;
  loop.spawn(take_all(rate, 100'000, stop), first);
  loop.spawn(take_all(rate, 100'000, stop), second);
  loop.drain();
  REQUIRE(first);
  REQUIRE(second);
  CHECK(*first >= 2);
  // The last grant is used when it is given, and a burst is free.
  CHECK(std::chrono::steady_clock::now() - start >= 95ms);
}

TEST_CASE("a stop ends the wait and leaves the bytes to others") {
  test::loop loop;
  runtime::stop_source stop;
  runtime::stop_source other;
  limiter rate(1024);
  CHECK(loop.run(take_all(rate, 1024, stop)) == 1);
  std::optional<std::size_t> waiting;
  loop.spawn(take_all(rate, 1 << 20, stop), waiting);
  loop.run_for(10ms);
  CHECK_FALSE(waiting);
  stop.request_stop();
  loop.drain();
  CHECK(waiting == 0);
  rate.give_back(1024);
  CHECK(loop.run(take_all(rate, 1, other)) == 1);
}

TEST_CASE("what one gives back wakes the one who waits for it") {
  test::loop loop;
  runtime::stop_source stop;
  // The next byte is due in a quarter of an hour: longer than the loop has patience for.
  limiter rate(1);
  CHECK(loop.run(rate.acquire(1024, stop)) == 1024);
  std::optional<std::size_t> waiting;
  loop.spawn(rate.acquire(1, stop), waiting);
  loop.run_for(10ms);
  CHECK_FALSE(waiting);
  rate.give_back(1024);
  loop.drain();
  CHECK(waiting == 1);
}

}  // namespace
}  // namespace gantry::transfer
