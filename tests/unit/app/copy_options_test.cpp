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

TEST_CASE("a user name without a password is told the options of a command with two ends") {
  const auto parsed = parse_copy({"a.test/x", "b.test/x", "-u", "me"});
  REQUIRE_FALSE(parsed.has_value());
  CHECK(parsed.error().message == "--username needs a password");
  CHECK(parsed.error().hint.starts_with("--src-creds and --dest-creds USER:PASSWORD"));
}

TEST_CASE("copy takes one source and targets") {
  const copy_arguments two = read({"nginx:1.25", "a.test/nginx:1", "docker://b.test/nginx:2"});
  CHECK(two.source.string() == "docker.io/library/nginx:1.25");
  REQUIRE(two.targets.size() == 2);
  CHECK(two.targets.back().string() == "b.test/nginx:2");
  CHECK(refusal({"nginx"}) == "copy takes a source and at least one target");
  CHECK(refusal({"a.test/nginx:1", "a.test/nginx:1"}) == "a.test/nginx:1 is source and target");
}

TEST_CASE("a target is named once, and all tags are copied of a repository to repositories") {
  CHECK(refusal({"a.test/x:1", "b.test/x:1", "docker://b.test/x:1"}) == "b.test/x:1 is named twice as a target");
  CHECK(read({"--all-tags", "a.test:5000/x", "docker://b.test/x"}).all_tags);
  const std::string why = " names one image, and --all-tags copies a repository to repositories";
  CHECK(refusal({"--all-tags", "a.test:5000/x:1", "b.test/x"}) == "'a.test:5000/x:1'" + why);
  CHECK(refusal({"--all-tags", "a.test/x", "b.test/x:latest"}) == "'b.test/x:latest'" + why);
  const std::string by_digest = "a.test/x@sha256:" + std::string(64, '0');
  CHECK(refusal({"--all-tags", by_digest, "b.test/x"}) == "'" + by_digest + "'" + why);
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

TEST_CASE("files at an end of a copy are answered with the command that takes them") {
  const auto hint = [](std::vector<std::string> words) {
    const auto refused = parse_copy(std::move(words));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.ends_with("names a file, and copy goes from registry to registry"));
    return refused.error().hint;
  };
  CHECK(hint({"nginx", "out.tar"}) == "'gantry pull nginx -o out.tar' does that; for a repository of that name write docker://out.tar");
  CHECK(hint({"docker://nginx", "oci:foo"}).starts_with("'gantry pull docker://nginx -f oci-dir -o foo' does that"));
  CHECK(hint({"nginx", "oci-archive:foo.tar:1.0"}) == "'gantry pull nginx -f oci -o foo.tar' does that");
  CHECK(hint({"nginx", "docker-archive:foo.tar:1.0"}) == "'gantry pull nginx -o foo.tar' does that");
  CHECK(hint({"nginx", "./dir"}) == "'gantry pull nginx -f oci-dir -o ./dir' does that");
  CHECK(hint({"./in.tar", "a.test/x:1"}) == "'gantry push ./in.tar a.test/x:1' does that");
  CHECK(hint({"./in.tar", "./out.tar"}) == "'gantry convert ./in.tar -o FILE' goes from file to file");
  CHECK(read({"docker://in.tar", "a.test/x:1"}).source.string() == "docker.io/library/in.tar:latest");
}
