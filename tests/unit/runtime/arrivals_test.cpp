#include "runtime/arrivals.hpp"

#include "runtime/lanes.hpp"
#include "runtime/task_group.hpp"
#include "support/loop.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace gantry::runtime {
namespace {

using board = arrivals<int, std::string>;

TEST_CASE("a value is taken once, a replaced one is gone") {
  board values;
  values.put(1, "one");
  values.put(1, "uno");
  CHECK(values.take(1) == "uno");
  values.put(2, "two");
  values.close();
  CHECK(values.take(2) == "two");
  CHECK(values.take(2) == std::nullopt);
  CHECK(values.take(1) == std::nullopt);
}

TEST_CASE("who waits for what nobody needs any more goes away empty, and has what is there all the same") {
  board values;
  unsigned asked = 0;
  const auto pointless = [&] { return ++asked == 2; };
  CHECK(values.take(1, pointless) == std::nullopt);
  CHECK(asked == 2);
  values.put(1, "one");
  CHECK(values.take(1, [] { return true; }) == "one");
}

task<std::string> wait_for(lanes& workers, std::shared_ptr<board> values, int key) {
  auto call = [values, key] { return values->take(key).value_or("closed"); };
  co_return co_await offload(workers, lane::apart, std::move(call));
}

task<> collect(lanes& workers, std::shared_ptr<board> values, int key, std::vector<std::string>& into) {
  std::string got = co_await wait_for(workers, values, key);
  into.push_back(std::move(got));
}

// More waiters than any lane has threads, and what they wait for comes through such a lane.
task<std::vector<std::string>> many_waiters(lanes& workers, executor where) {
  auto values = std::make_shared<board>();
  std::vector<std::string> got;
  task_group waiting(where);
  for (int key = 0; key < 12; ++key) waiting.spawn(collect(workers, values, key, got));
  for (int key = 0; key < 11; ++key) {
    auto call = [values, key] {
      values->put(key, std::to_string(key));
      return true;
    };
    co_await offload(workers, lane::files, std::move(call));
  }
  values->close();
  co_await waiting.join();
  co_return got;
}

TEST_CASE("whoever waits on a thread of its own keeps nobody from bringing what it waits for") {
  test::loop loop;
  lanes workers;
  std::vector<std::string> got = loop.run(many_waiters(workers, loop.executor));
  CHECK(got.size() == 12);
  CHECK(std::count(got.begin(), got.end(), "closed") == 1);
}

}  // namespace
}  // namespace gantry::runtime
