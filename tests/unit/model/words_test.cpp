#include <gantry/words.hpp>

#include "support/catch.hpp"

using namespace gantry;

TEST_CASE("close words are suggested and far ones are not") {
  const std::vector<std::string> known{"pull", "help", "--platform", "--password", "--all-platforms"};
  CHECK(closest("pul", known) == "pull");
  CHECK(closest("pulll", known) == "pull");
  CHECK(closest("--platfrom", known) == "--platform");
  CHECK(closest("--pass", known) == "--password");
  CHECK(closest("--all", known) == "--all-platforms");
  CHECK(closest("frobnicate", known).empty());
  CHECK(closest("x", known).empty());
  CHECK(did_you_mean("").empty());
  CHECK(did_you_mean("pull") == "did you mean 'pull'?");
}

TEST_CASE("letters that changed places are one slip") {
  const std::vector<std::string> commands{"pull", "push", "list", "clean", "sync", "copy", "save", "serve"};
  CHECK(closest("psuh", commands) == "push");
  CHECK(closest("plul", commands) == "pull");
  CHECK(closest("lsit", commands) == "list");
  CHECK(closest("clena", commands) == "clean");
  CHECK(closest("sycn", commands) == "sync");
  CHECK(closest("cpoy", commands) == "copy");
  CHECK(closest("jbos", {"jobs", "debug"}) == "jobs");
  CHECK(closest("tgas", {"tags", "target"}) == "tags");
  CHECK(closest("--fromat", {"--from", "--format"}) == "--format");
}

TEST_CASE("times are written as people write them") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("90") == 90s);
  CHECK(parse_duration("1h30m") == 90min);
  CHECK(parse_duration("500ms") == 500ms);
  for (const char* const bad : {"", "0", "5x", "-1", "367d", "1.5s"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}
