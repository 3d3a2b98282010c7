#include "jobs/side_by_side.hpp"

#include "runtime/task_group.hpp"

#include <algorithm>
#include <utility>

namespace gantry::jobs {
namespace {

task<> take_turns(const std::function<task<>(std::size_t)>& work, std::size_t& next, std::size_t count, runtime::stop_source& stop) {
  while (next < count && !stop.stop_requested()) {
    task<> one = work(next++);
    co_await std::move(one);
  }
}

}  // namespace

task<> side_by_side(runtime::executor where, std::size_t most, std::size_t count, std::function<task<>(std::size_t)> work,
                    runtime::stop_source& stop) {
  std::size_t next = 0;
  runtime::task_group group(std::move(where));
  for (std::size_t i = std::min(most, count); i > 0; --i) group.spawn(take_turns(work, next, count, stop));
  co_await group.join();
}

}  // namespace gantry::jobs
