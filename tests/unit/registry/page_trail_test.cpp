#include "registry/page_trail.hpp"

#include "support/catch.hpp"

namespace gantry::registry {
namespace {

TEST_CASE("a list that comes back to a page ends, be it at once or after others") {
  page_trail trail;
  CHECK(trail.follow("/a", "the tags of x"));
  CHECK(trail.follow("/b", "the tags of x"));
  CHECK(trail.follow("", "the tags of x"));
  CHECK(trail.follow("", "the tags of x"));
  const auto again = trail.follow("/a", "the tags of x");
  REQUIRE_FALSE(again);
  CHECK(again.error().code == errc::protocol_error);
  CHECK(again.error().text.message().starts_with("the tags of x: "));
}

}  // namespace
}  // namespace gantry::registry
