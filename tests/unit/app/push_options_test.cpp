#include "push_options.hpp"

#include "support/catch.hpp"

using namespace gantry::app;

namespace {

bool nothing(const std::string&) { return false; }
bool everything(const std::string&) { return true; }

push_arguments read(std::vector<std::string> words, path_exists exists = nothing) {
  auto outcome = parse_push(std::move(words), exists);
  if (!outcome) FAIL(outcome.error().message);
  REQUIRE(std::holds_alternative<push_arguments>(*outcome));
  return std::get<push_arguments>(*outcome);
}

std::string refusal(std::vector<std::string> words) {
  auto outcome = parse_push(std::move(words), nothing);
  REQUIRE_FALSE(outcome.has_value());
  return outcome.error().message;
}

}  // namespace

TEST_CASE("a source is a file when it exists or says so, else a reference") {
  CHECK(std::holds_alternative<std::string>(read({"nginx.tar", "h.test/nginx"}, everything).source));
  CHECK(std::holds_alternative<std::string>(read({"oci:layout", "h.test/nginx"}).source));
  CHECK(std::get<gantry::archive_member>(read({"oci:layout:1.0", "h.test/nginx"}).source).image == "1.0");
  CHECK(std::get<gantry::reference>(read({"nginx:1.25", "h.test/nginx"}).source).string() == "docker.io/library/nginx:1.25");
  CHECK(refusal({"absent.tar", "h.test/nginx"}) == "the archive absent.tar does not exist");
}

TEST_CASE("a target that is a file or lacks its repository is refused") {
  CHECK(refusal({"nginx", "in.tar"}) == "'in.tar' names a file, and the target of a push is in a registry");
  CHECK(refusal({"nginx", "localhost:30800"}) == "'localhost:30800' names a registry and no repository");
}

TEST_CASE("a target that ends in a slash takes everything") {
  const auto prefix = std::get<gantry::push_prefix>(read({"nginx", "localhost:5000/mirror/"}).target);
  CHECK(prefix.registry == "localhost:5000");
  CHECK(prefix.path == "mirror");
  CHECK(std::get<gantry::push_prefix>(read({"nginx", "h.test/"}).target).path.empty());
  CHECK(read({"nginx", "h.test/mirror/"}).target_registry == "h.test");
}

TEST_CASE("the words of other tools name source and target too") {
  const auto arguments = read({"--source", "nginx:1", "--repository", "team/nginx", "-t", "2", "-r", "h.test"});
  CHECK(std::get<gantry::reference>(arguments.target).string() == "h.test/team/nginx:2");
  CHECK(std::holds_alternative<gantry::reference>(arguments.source));
}

TEST_CASE("what contradicts itself is refused") {
  CHECK(refusal({"nginx"}) == "push takes a source and a target");
  CHECK(refusal({"a", "b", "c"}) == "push takes one source and one target");
  CHECK(refusal({"a", "b", "--skip-existing", "--force-upload"}).find("exclude") != std::string::npos);
  CHECK(refusal({"a", "b", "-t", "1"}) == "--reference needs --repository");
  const auto needs = parse_push({"a", "h.test/b", "-t", "1"}, [](const std::string&) { return false; });
  CHECK(needs.error().hint.find(": h.test/b:1") != std::string::npos);
}
