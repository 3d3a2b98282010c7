#include "runtime/stop.hpp"

#include "support/catch.hpp"

#include <memory>
#include <optional>
#include <vector>

namespace gantry::runtime {
namespace {

TEST_CASE("a stop calls every registration once, in the order they came") {
  stop_source source;
  std::vector<int> called;
  const stop_source::registration first(source, [&] { called.push_back(1); });
  const stop_source::registration second(source, [&] { called.push_back(2); });
  source.request_stop();
  source.request_stop();
  CHECK(called == std::vector<int>{1, 2});
  CHECK(source.stop_requested());
}

TEST_CASE("a registration that is gone is not called") {
  stop_source source;
  int calls = 0;
  {
    const stop_source::registration gone(source, [&] { ++calls; });
  }
  source.request_stop();
  CHECK(calls == 0);
}

TEST_CASE("a callback may destroy its own registration and others") {
  stop_source source;
  int calls = 0;
  std::optional<stop_source::registration> first;
  std::optional<stop_source::registration> second;
  first.emplace(source, [&] {
    ++calls;
    second.reset();
    first.reset();
  });
  second.emplace(source, [&] { ++calls; });
  source.request_stop();
  CHECK(calls == 1);
}

TEST_CASE("a source may die before its registrations") {
  auto source = std::make_unique<stop_source>();
  int calls = 0;
  const stop_source::registration left(*source, [&] { ++calls; });
  source.reset();
  CHECK(calls == 0);
}

TEST_CASE("a stop goes down the tree and not up") {
  stop_source engine;
  stop_source operation(engine);
  stop_source line(operation);
  stop_source other(operation);
  line.request_stop();
  CHECK(line.stop_requested());
  CHECK_FALSE(operation.stop_requested());
  CHECK_FALSE(other.stop_requested());
  engine.request_stop();
  CHECK(operation.stop_requested());
  CHECK(other.stop_requested());
}

TEST_CASE("a child of a stopped source is born stopped") {
  stop_source parent;
  parent.request_stop();
  const stop_source child(parent);
  CHECK(child.stop_requested());
}

TEST_CASE("a child that died hears of no stop") {
  stop_source parent;
  int calls = 0;
  {
    stop_source child(parent);
    const stop_source::registration waiting(child, [&] { ++calls; });
  }
  parent.request_stop();
  CHECK(calls == 0);
}

TEST_CASE("a child survives its parent") {
  auto parent = std::make_unique<stop_source>();
  stop_source child(*parent);
  parent.reset();
  child.request_stop();
  CHECK(child.stop_requested());
}

}  // namespace
}  // namespace gantry::runtime
