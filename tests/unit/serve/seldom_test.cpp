#include "serve/seldom.hpp"

#include "support/catch.hpp"

#include <chrono>

using gantry::serve::seldom;
using namespace std::chrono_literals;

TEST_CASE("each key passes once within the pause") {
  seldom<int> gate(10s);
  const seldom<int>::clock::time_point start{};
  CHECK(gate.due(1, start));
  CHECK_FALSE(gate.due(1, start + 9s));
  CHECK(gate.due(2, start + 9s));
  CHECK(gate.due(1, start + 10s));
  CHECK_FALSE(gate.due(1, start + 19s));
}

TEST_CASE("of too many keys those that may pass again are forgotten first") {
  seldom<int> gate(10s, 2);
  const seldom<int>::clock::time_point start{};
  CHECK(gate.due(1, start));
  CHECK(gate.due(2, start + 5s));
  CHECK(gate.due(3, start + 11s));
  CHECK_FALSE(gate.due(2, start + 12s));
  CHECK_FALSE(gate.due(3, start + 12s));
  // All of them are fresh: none is kept.
  CHECK(gate.due(4, start + 13s));
  CHECK(gate.due(2, start + 13s));
}
