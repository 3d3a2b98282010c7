#include "transfer/host_turns.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <string>
#include <utility>

namespace gantry::transfer {
namespace {

using permit = runtime::semaphore::permit;

runtime::task<> take(host_turns& turns, std::string registry, runtime::stop_source& stop, permit& into) {
  into = co_await turns.acquire(std::move(registry), stop);
}

TEST_CASE("each registry has its own turns, and who waits is let go by a stop") {
  test::loop loop;
  host_turns turns(1);
  runtime::stop_source stop;
  permit first;
  permit other;
  loop.run(take(turns, "one.example", stop, first));
  loop.run(take(turns, "other.example", stop, other));
  CHECK(first);
  CHECK(other);
  runtime::stop_source stopped;
  stopped.request_stop();
  permit refused;
  loop.run(take(turns, "one.example", stopped, refused));
  CHECK_FALSE(refused);
  first.reset();
  permit second;
  loop.run(take(turns, "one.example", stop, second));
  CHECK(second);
}

}  // namespace
}  // namespace gantry::transfer
