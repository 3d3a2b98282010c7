#include "annotation.hpp"

#include "support/catch.hpp"

#include <string_view>

using namespace gantry::app;

TEST_CASE("an error becomes one workflow command whatever its text holds") {
  CHECK(github_annotation({4, "not there", "", ""}) == "::error title=gantry::not there\n");
  CHECK(github_annotation({1, "100% of\r\na line", "server::error::", "try again"}) ==
        "::error title=gantry::100%25 of?%0Aa line; registry said: server::error::%0Atry again\n");
}

TEST_CASE("annotations are for the runner that reads them") {
  const auto with = [](const char* value) {
    return wants_annotations(
        [value](const char* name) { return std::string_view(name) == "GITHUB_ACTIONS" ? std::string(value) : std::string(); });
  };
  CHECK(with("true"));
  CHECK_FALSE(with(""));
  CHECK_FALSE(with("false"));
}
