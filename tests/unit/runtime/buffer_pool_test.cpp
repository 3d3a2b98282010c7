#include "runtime/buffer_pool.hpp"

#include "runtime/lanes.hpp"
#include "runtime/task_group.hpp"
#include "support/loop.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>

namespace gantry::runtime {
namespace {

using blocks = std::vector<buffer_pool::buffer>;

TEST_CASE("blocks are page-aligned, apart from each other, and come back") {
  test::loop loop;
  stop_source stop;
  buffer_pool pool(loop.executor, 4);
  {
    const blocks taken = loop.run(pool.acquire(4, stop));
    REQUIRE(taken.size() == 4);
    CHECK(pool.available() == 0);
    std::set<std::byte*> places;
    for (const buffer_pool::buffer& one : taken) {
      CHECK(reinterpret_cast<std::uintptr_t>(one.data()) % 4096 == 0);
      CHECK(one.bytes().size() == buffer_pool::buffer_size);
      std::memset(one.data(), 1, one.bytes().size());
      places.insert(one.data());
    }
    CHECK(places.size() == 4);
  }
  CHECK(pool.available() == 4);
}

TEST_CASE("spare blocks are given out up to their number, and never before those who wait") {
  test::loop loop;
  stop_source stop;
  buffer_pool pool(loop.executor, 3, 1);
  buffer_pool::buffer spare = pool.try_spare();
  CHECK(spare);
  CHECK_FALSE(pool.try_spare());  // the others are for those who have none
  blocks held = loop.run(pool.acquire(2, stop));
  CHECK(held.size() == 2);
  spare = {};
  CHECK(pool.try_spare());
  std::optional<blocks> waiting;
  loop.spawn(pool.acquire(2, stop), waiting);
  loop.poll();
  CHECK(pool.available() == 1);
  CHECK_FALSE(pool.try_spare());
  held.clear();
  loop.drain();
  CHECK(waiting);
}

TEST_CASE("who wants two is not overtaken by those who want one") {
  test::loop loop;
  stop_source stop;
  buffer_pool pool(loop.executor, 2);
  blocks held = loop.run(pool.acquire(1, stop));
  std::optional<blocks> two;
  std::optional<blocks> one;
  loop.spawn(pool.acquire(2, stop), two);
  loop.spawn(pool.acquire(1, stop), one);
  loop.poll();
  CHECK_FALSE(two);
  CHECK_FALSE(one);
  CHECK(pool.available() == 1);  // nobody holds a half of what it wants
  held.clear();
  loop.poll();
  REQUIRE(two);
  CHECK(two->size() == 2);
  CHECK_FALSE(one);
  two.reset();
  loop.drain();
  REQUIRE(one);
  CHECK(one->size() == 1);
}

TEST_CASE("a stopped waiter for blocks gets none and makes way") {
  test::loop loop;
  stop_source stop;
  stop_source impatient;
  buffer_pool pool(loop.executor, 2);
  const blocks held = loop.run(pool.acquire(1, stop));
  std::optional<blocks> two;
  std::optional<blocks> one;
  loop.spawn(pool.acquire(2, impatient), two);
  loop.spawn(pool.acquire(1, stop), one);
  loop.poll();
  impatient.request_stop();
  loop.drain();
  REQUIRE(two);
  CHECK(two->empty());
  REQUIRE(one);
  CHECK(one->size() == 1);
}

TEST_CASE("a stop of the past gets no block") {
  test::loop loop;
  stop_source stop;
  stop.request_stop();
  buffer_pool pool(loop.executor, 2);
  CHECK(loop.run(pool.acquire(1, stop)).empty());
  CHECK(pool.available() == 2);
}

task<> use_on_a_worker(buffer_pool& pool, lanes& workers, stop_source& stop, std::size_t count, unsigned rounds, std::size_t& served) {
  for (unsigned round = 0; round < rounds; ++round) {
    blocks taken = co_await pool.acquire(count, stop);
    served += taken.size();
    // The block is written and given back on the worker.
    auto call = [owned = std::make_shared<blocks>(std::move(taken)), round] {
      for (buffer_pool::buffer& one : *owned) std::memset(one.data(), static_cast<int>(round), 64);
      return true;
    };
    co_await offload(workers, lane::files, std::move(call));
  }
}

task<> use_by_many(buffer_pool& pool, lanes& workers, stop_source& stop, std::size_t& served) {
  task_group group(co_await asio::this_coro::executor);
  for (std::size_t i = 0; i < 12; ++i) group.spawn(use_on_a_worker(pool, workers, stop, 1 + i % 2, 25, served));
  co_await group.join();
}

TEST_CASE("blocks that come back on worker threads wake those who wait") {
  test::loop loop;
  lanes workers;
  stop_source stop;
  buffer_pool pool(loop.executor, 3);
  std::size_t served = 0;
  loop.run(use_by_many(pool, workers, stop, served));
  CHECK(served == 6 * 25 * 1 + 6 * 25 * 2);
  CHECK(pool.available() == 3);
}

TEST_CASE("a block may outlive its pool") {
  test::loop loop;
  stop_source stop;
  blocks left;
  {
    buffer_pool pool(loop.executor, 1);
    left = loop.run(pool.acquire(1, stop));
  }
  left.front().data()[0] = std::byte{1};
  left.clear();
  SUCCEED();
}

}  // namespace
}  // namespace gantry::runtime
