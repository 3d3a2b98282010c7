#include "runtime/deadline.hpp"

#include "support/loop.hpp"

#include <memory>
#include <optional>

namespace gantry::runtime {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a deadline calls once when its time is over") {
  test::loop loop;
  int calls = 0;
  const test::stopwatch watch;
  const deadline due(loop.executor, 60ms, [&] { ++calls; });
  CHECK_FALSE(due.expired());
  loop.drain();
  CHECK(calls == 1);
  CHECK(due.expired());
  CHECK(watch.elapsed() >= 60ms);
}

TEST_CASE("a destroyed deadline does not call, nor keep anybody waiting") {
  test::loop loop;
  int calls = 0;
  const test::stopwatch watch;
  {
    const deadline due(loop.executor, 15s, [&] { ++calls; });
  }
  loop.drain();
  CHECK(calls == 0);
  CHECK(watch.elapsed() < 10s);
}

TEST_CASE("a deadline destroyed after its timer fired and before its handler ran does not call") {
  test::loop loop;
  int calls = 0;
  std::optional<deadline> due;
  due.emplace(loop.executor, 0ms, [&] { ++calls; });
  loop.post([&] { due.reset(); });
  loop.drain();
  CHECK(calls <= 1);  // either order is right; a call after the destruction would touch a dead frame
  due.emplace(loop.executor, 50ms, [&] { ++calls; });
  const int before = calls;
  asio::steady_timer same(loop.executor, 50ms);
  same.async_wait([&](boost::system::error_code) { due.reset(); });
  loop.drain();
  CHECK(calls <= before + 1);
}

TEST_CASE("an extended deadline counts anew") {
  test::loop loop;
  int calls = 0;
  deadline due(loop.executor, 100ms, [&] { ++calls; });
  const test::stopwatch watch;
  asio::steady_timer before(loop.executor, 50ms);
  before.async_wait([&](boost::system::error_code) { due.extend(200ms); });
  loop.drain();
  CHECK(calls == 1);
  CHECK(watch.elapsed() >= 240ms);
}

TEST_CASE("a deadline can be brought forward") {
  test::loop loop;
  int calls = 0;
  deadline due(loop.executor, 15s, [&] { ++calls; });
  const test::stopwatch watch;
  due.extend(50ms);
  loop.drain();
  CHECK(calls == 1);
  CHECK(watch.elapsed() < 10s);
}

TEST_CASE("a deadline may be destroyed by its own call") {
  test::loop loop;
  int calls = 0;
  std::unique_ptr<deadline> due;
  due = std::make_unique<deadline>(loop.executor, 0ms, [&] {
    ++calls;
    due.reset();
  });
  loop.drain();
  CHECK(calls == 1);
  CHECK_FALSE(due);
}

}  // namespace
}  // namespace gantry::runtime
