#include "suggestion.hpp"

#include "support/catch.hpp"

using namespace gantry::app;

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
