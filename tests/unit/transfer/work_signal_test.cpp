#include "transfer/work_signal.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <optional>

namespace gantry::transfer {
namespace {

using namespace std::chrono_literals;

task<bool> woken(work_signal& changed, runtime::stop_source& stop, bool ahead) {
  co_await changed.wait(stop, ahead);
  co_return !stop.stop_requested();
}

TEST_CASE("what was left over wakes those with connections alone") {
  test::loop loop;
  runtime::stop_source stop;
  work_signal changed;
  std::optional<bool> connection;
  std::optional<bool> ahead;
  loop.spawn(woken(changed, stop, false), connection);
  loop.spawn(woken(changed, stop, true), ahead);
  loop.run_for(10ms);
  CHECK_FALSE(connection);
  changed.left_over();
  loop.run_for(10ms);
  CHECK(connection == true);
  CHECK_FALSE(ahead);
  changed.notify_all();
  loop.drain();
  CHECK(ahead == true);
}

}  // namespace
}  // namespace gantry::transfer
