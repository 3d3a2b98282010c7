#include "copy_options.hpp"

#include "support/catch.hpp"

using namespace gantry::app;

namespace {

copy_arguments read(std::vector<std::string> words) {
  auto outcome = parse_copy(std::move(words));
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<copy_arguments>(*outcome));
  return std::get<copy_arguments>(*outcome);
}

std::string refusal(std::vector<std::string> words) {
  auto outcome = parse_copy(std::move(words));
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().message;
}

}  // namespace

TEST_CASE("copy takes one source and targets") {
  const copy_arguments two = read({"nginx:1.25", "a.test/nginx:1", "docker://b.test/nginx:2"});
  CHECK(two.source.string() == "docker.io/library/nginx:1.25");
  REQUIRE(two.targets.size() == 2);
  CHECK(two.targets.back().string() == "b.test/nginx:2");
  CHECK(refusal({"nginx"}) == "copy takes a source and at least one target");
  CHECK(refusal({"a.test/nginx:1", "a.test/nginx:1"}) == "a.test/nginx:1 is source and target");
}

TEST_CASE("each end of a copy has its credentials") {
  const copy_arguments sides = read({"a.test/x", "b.test/x", "--src-creds", "a:1", "--dest-authfile", "f"});
  CHECK(sides.from.username == "a");
  CHECK(sides.to.authfile == "f");
}

TEST_CASE("what contradicts itself is refused before anything is copied") {
  CHECK(refusal({"a.test/x", "b.test/x", "--force-upload", "--skip-existing"}) == "--skip-existing and --force-upload exclude each other");
  CHECK(refusal({"a.test/x", "b.test/x", "--all-platforms", "-a", "arm64"}) == "--platform, --arch and --all-platforms exclude each other");
}
