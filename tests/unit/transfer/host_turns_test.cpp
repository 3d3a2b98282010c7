#include "transfer/host_turns.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::transfer {
namespace {

using held = host_turns::held;

runtime::task<> take_all(host_turns& turns, std::vector<std::string> registries, runtime::stop_source& stop, held& into) {
  into = co_await turns.acquire(std::move(registries), stop);
}

runtime::task<> take(host_turns& turns, std::string registry, runtime::stop_source& stop, held& into) {
  std::vector<std::string> one(1, std::move(registry));
  co_await take_all(turns, std::move(one), stop, into);
}

TEST_CASE("each registry has its own turns, and who waits is let go by a stop") {
  test::loop loop;
  host_turns turns(1);
  runtime::stop_source stop;
  held first;
  held other;
  loop.run(take(turns, "one.example", stop, first));
  loop.run(take(turns, "other.example", stop, other));
  CHECK(first);
  CHECK(other);
  runtime::stop_source stopped;
  stopped.request_stop();
  held refused;
  loop.run(take(turns, "one.example", stopped, refused));
  CHECK_FALSE(refused);
  first.reset();
  held second;
  loop.run(take(turns, "one.example", stop, second));
  CHECK(second);
}

TEST_CASE("turns that were taken together are given back one by one") {
  test::loop loop;
  host_turns turns(2);
  runtime::stop_source stop;
  const std::vector<std::string> ends{"source.example", "one.example"};
  const std::vector<std::string> all{"source.example", "one.example", "source.example", "other.example"};
  held together;
  loop.run(take_all(turns, all, stop, together));
  held mine = together.split(ends);
  CHECK(mine);
  CHECK(together);
  std::optional<bool> next;
  held into;
  const auto waiting = [&](std::vector<std::string> names) -> runtime::task<bool> {
    into = co_await turns.acquire(std::move(names), stop);
    co_return static_cast<bool>(into);
  };
  loop.spawn(waiting(ends), next);
  loop.poll();
  CHECK_FALSE(next);
  mine.reset();
  loop.poll();
  REQUIRE(next);
  CHECK(*next);
  CHECK_FALSE(together.split(std::vector<std::string>(1, "one.example")));
}

TEST_CASE("who asks two registries has a turn at both or at none, and two that name them the other way round do not wait for each other") {
  test::loop loop;
  host_turns turns(1);
  runtime::stop_source stop;
  const std::vector<std::string> there{"a.example", "b.example"};
  const std::vector<std::string> back{"b.example", "a.example"};
  held both;
  loop.run(take_all(turns, there, stop, both));
  REQUIRE(both);
  held mine;
  held other;
  std::optional<bool> first;
  std::optional<bool> second;
  runtime::stop_source impatient;
  const auto waiting = [&](std::vector<std::string> names, runtime::stop_source& ends, held& into) -> runtime::task<bool> {
    co_await take_all(turns, std::move(names), ends, into);
    co_return static_cast<bool>(into);
  };
  loop.spawn(waiting(back, stop, mine), first);
  loop.spawn(waiting(there, impatient, other), second);
  loop.poll();
  CHECK_FALSE(first);
  CHECK_FALSE(second);
  both.reset();
  loop.poll();
  REQUIRE(first);
  CHECK(*first);
  impatient.request_stop();
  loop.drain();
  REQUIRE(second);
  CHECK_FALSE(*second);
  mine.reset();
  held again;
  loop.run(take_all(turns, back, stop, again));
  CHECK(again);
}

TEST_CASE("a registry that is both ends is asked twice at once, where that is allowed") {
  test::loop loop;
  runtime::stop_source stop;
  const std::vector<std::string> ends(2, "one.example");
  host_turns three(3);
  held both;
  held single;
  loop.run(take_all(three, ends, stop, both));
  loop.run(take(three, "one.example", stop, single));
  CHECK(both);
  CHECK(single);
  runtime::stop_source stopped;
  stopped.request_stop();
  held none;
  loop.run(take(three, "one.example", stopped, none));
  CHECK_FALSE(none);
  // Who may only ask once at a time does not wait for what will not come.
  host_turns one(1);
  held all;
  loop.run(take_all(one, ends, stop, all));
  CHECK(all);
}

}  // namespace
}  // namespace gantry::transfer
