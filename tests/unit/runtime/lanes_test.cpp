#include "runtime/lanes.hpp"

#include "runtime/task_group.hpp"
#include "support/loop.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

namespace gantry::runtime {
namespace {

struct ran {
  std::thread::id worker;
  std::thread::id after;
};

task<ran> where_it_runs(lanes& workers, lane where) {
  ran seen;
  auto call = [] { return std::this_thread::get_id(); };
  seen.worker = co_await offload(workers, where, std::move(call));
  seen.after = std::this_thread::get_id();
  co_return seen;
}

TEST_CASE("a call runs on a worker and its caller goes on where it was") {
  test::loop loop;
  lanes workers;
  for (const lane where : {lane::cpu, lane::files, lane::names}) {
    const ran seen = loop.run(where_it_runs(workers, where));
    CHECK(seen.worker != std::this_thread::get_id());
    CHECK(seen.after == std::this_thread::get_id());
  }
}

task<int> throwing(lanes& workers) {
  auto call = []() -> int { throw std::runtime_error("from the worker"); };
  co_return co_await offload(workers, lane::files, std::move(call));
}

TEST_CASE("what a call throws is thrown at its caller") {
  test::loop loop;
  lanes workers;
  CHECK_THROWS_WITH(loop.run(throwing(workers)), "from the worker");
}

task<bool> released_when_back(lanes& workers) {
  auto owned = std::make_shared<int>(7);
  const std::weak_ptr<int> watch = owned;
  auto call = [owned = std::move(owned)] { return *owned; };
  co_await offload(workers, lane::files, std::move(call));
  co_return watch.expired();
}

TEST_CASE("what a call owns is released before its caller goes on") {
  test::loop loop;
  lanes workers;
  for (int i = 0; i < 50; ++i) CHECK(loop.run(released_when_back(workers)));
}

task<std::unique_ptr<int>> move_only(lanes& workers) {
  auto call = [value = std::make_unique<int>(5)]() mutable { return std::move(value); };
  co_return co_await offload(workers, lane::cpu, std::move(call));
}

TEST_CASE("closures and results may be move-only") {
  test::loop loop;
  lanes workers;
  CHECK(*loop.run(move_only(workers)) == 5);
}

task<> add(lanes& workers, int& on_strand, std::atomic<int>& on_worker) {
  auto call = [&on_worker] { return ++on_worker; };
  co_await offload(workers, lane::files, std::move(call));
  ++on_strand;  // no atomic: the strand alone touches it
}

task<> add_many(lanes& workers, int& on_strand, std::atomic<int>& on_worker) {
  task_group group(co_await asio::this_coro::executor);
  for (int i = 0; i < 200; ++i) group.spawn(add(workers, on_strand, on_worker));
  co_await group.join();
}

TEST_CASE("many calls at once all come back to the strand") {
  test::loop loop;
  lanes workers;
  int on_strand = 0;
  std::atomic<int> on_worker = 0;
  loop.run(add_many(workers, on_strand, on_worker));
  CHECK(on_strand == 200);
  CHECK(on_worker == 200);
}

}  // namespace
}  // namespace gantry::runtime
