#include "registry/hints.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry::registry;
using namespace std::chrono_literals;

namespace {
const std::chrono::system_clock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 8 / 1);
}

TEST_CASE("hints are read as they were written") {
  hints known;
  known["registry.test:443"] = {12'000'000, true, true, now + 1h};
  known["other.test:5000"] = {};
  CHECK(read_hints(write_hints(known), now).value() == known);
}

TEST_CASE("a rest of the past is over, and one far away is not believed") {
  hints known;
  known["past.test:443"].rests_until = now - 1h;
  known["far.test:443"].rests_until = now + 24h * 365;
  const auto read = read_hints(write_hints(known), now).value();
  CHECK(read.at("past.test:443").rests_until == std::chrono::system_clock::time_point());
  CHECK(read.at("far.test:443").rests_until == now + 1h);
}

TEST_CASE("a file that is damaged or of another kind gives no hints") {
  for (const char* text : {"", "[]", "{\"hosts\": [{}]}", "{\"hosts\": 1}", "{\"hosts\":[{\"host\":\"a\",\"rate\":-1}]}"}) {
    INFO(text);
    CHECK_FALSE(read_hints(text, now));
  }
  CHECK(read_hints("{}", now).value().empty());
}

TEST_CASE("no more hosts are kept than are read") {
  hints many;
  for (int i = 0; i < 1000; ++i) many["host" + std::to_string(i) + ":443"].rate = 1;
  CHECK(read_hints(write_hints(many), now).value().size() == hint_limit);
}
