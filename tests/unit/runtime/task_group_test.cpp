#include "runtime/task_group.hpp"

#include "support/loop.hpp"

#include <stdexcept>

namespace gantry::runtime {
namespace {

using namespace std::chrono_literals;

task<> work(signal& go, stop_source& stop, int& done) {
  co_await go.wait(stop);
  ++done;
}

task<> fail(const char* what) {
  throw std::runtime_error(what);
  co_return;
}

task<> join_two(signal& go, stop_source& stop, int& done, int& done_at_join) {
  task_group group(co_await asio::this_coro::executor);
  group.spawn(work(go, stop, done));
  group.spawn(work(go, stop, done));
  co_await group.join();
  done_at_join = done;
}

task<> join_failing(signal& go, stop_source& stop, int& done) {
  task_group group(co_await asio::this_coro::executor);
  group.spawn(fail("first"));
  group.spawn(fail("second"));
  group.spawn(work(go, stop, done));
  co_await group.join();
}

task<> join_empty() {
  task_group group(co_await asio::this_coro::executor);
  co_await group.join();
  co_await group.join();
}

TEST_CASE("join waits for all tasks") {
  test::loop loop;
  signal go;
  stop_source stop;
  int done = 0;
  int done_at_join = -1;
  loop.spawn(join_two(go, stop, done, done_at_join));
  loop.poll();
  CHECK(done_at_join == -1);
  go.notify_one();
  loop.poll();
  CHECK(done_at_join == -1);
  go.notify_one();
  loop.drain();
  CHECK(done_at_join == 2);
}

TEST_CASE("join rethrows the first exception, after the other tasks have ended") {
  test::loop loop;
  signal go;
  stop_source stop;
  int done = 0;

  asio::steady_timer later(loop.executor, 60ms);
  later.async_wait([&](boost::system::error_code) { go.notify_all(); });
  CHECK_THROWS_WITH(loop.run(join_failing(go, stop, done)), "first");
  CHECK(done == 1);
}

TEST_CASE("an empty group joins at once, as often as asked") {
  test::loop loop;
  loop.run(join_empty());
  SUCCEED();
}

}  // namespace
}  // namespace gantry::runtime
