#include "registry/page_trail.hpp"

#include "support/catch.hpp"

#include <string>

namespace gantry::registry {
namespace {

TEST_CASE("a list that comes back to a page ends, be it at once or after others") {
  page_trail trail;
  CHECK(trail.follow("/a", false, "the tags of x"));
  CHECK(trail.follow("/b", false, "the tags of x"));
  CHECK(trail.follow("", false, "the tags of x"));
  CHECK(trail.follow("", false, "the tags of x"));
  const auto again = trail.follow("/a", false, "the tags of x");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::protocol_error);
  CHECK(again.error().text.message().starts_with("the tags of x: "));
}

TEST_CASE("pages without names are passed, as long as they end") {
  page_trail trail;
  for (unsigned page = 0; page < empty_page_limit; ++page) REQUIRE(trail.follow("/" + std::to_string(page), true, "the tags of x"));
  CHECK(trail.follow("/names", false, "the tags of x"));
  for (unsigned page = 0; page < empty_page_limit; ++page) REQUIRE(trail.follow("/again" + std::to_string(page), true, "the tags of x"));
  const auto endless = trail.follow("/more", true, "the tags of x");
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code == errc::limit_exceeded);
}

}  // namespace
}  // namespace gantry::registry
