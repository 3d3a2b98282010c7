#include "lookup_options.hpp"

#include "manual/help_page.hpp"
#include "support/catch.hpp"

using namespace gantry::app;

namespace {

template <class Arguments>
Arguments read(gantry::app::parsed<Arguments> words) {
  if (!words) FAIL(words.error().message);
  REQUIRE(std::holds_alternative<Arguments>(*words));
  return std::get<Arguments>(*words);
}

template <class Arguments>
std::string refusal(gantry::app::parsed<Arguments> words) {
  REQUIRE_FALSE(words.has_value());
  CHECK(words.error().code == exit_code::usage);
  return words.error().message;
}

}  // namespace

TEST_CASE("tags take a filter, a range and a number") {
  const auto arguments = read(parse_tags({"nginx", "--filter", "1.*", "--semver", ">=1.2 <2", "--latest", "3", "-r", "localhost:5000"}));
  CHECK(arguments.object == "nginx");
  CHECK(arguments.registry == "localhost:5000");
  CHECK(arguments.filter.regex == "1.*");
  CHECK(arguments.filter.semver == ">=1.2 <2");
  CHECK(arguments.filter.latest == 3);
  CHECK_FALSE(read(parse_tags({"nginx"})).filter.semver);
}

TEST_CASE("what is to be deleted is written out") {
  for (const std::string word : {"a.example:5000/team/app", "docker://a.example/app", "app"})
    CHECK(refusal(parse_delete({word})) == "'" + word + "' does not say which of its images is to be deleted");
  CHECK(refusal(parse_delete({"app", "-r", "a.example"})).find("does not say") != std::string::npos);
  const std::string digest = "a.example/app@sha256:" + std::string(64, '0');
  for (const std::string& word : {std::string("a.example:5000/team/app:1.0"), std::string("docker://a.example/app:latest"), digest})
    CHECK(read(parse_delete({word})).object == word);
}

TEST_CASE("tags are listed of a repository and not of one image") {
  CHECK(refusal(parse_tags({"a.example:5000/team/app:1.0"})) ==
        "'a.example:5000/team/app:1.0' names one image, and tags are listed of a repository");
  CHECK(refusal(parse_tags({"app:1.0", "-r", "a.example"})).find("names one image") != std::string::npos);
  CHECK(refusal(parse_tags({"app@sha256:0000000000000000000000000000000000000000000000000000000000000000"})).find("names one image") !=
        std::string::npos);
  CHECK(read(parse_tags({"a.example:5000/team/app"})).object == "a.example:5000/team/app");
  CHECK(read(parse_tags({"docker://a.example:5000/app"})).object == "docker://a.example:5000/app");
}

TEST_CASE("a question is about one object") {
  CHECK(refusal(parse_tags({})) == "no repository is named");
  CHECK(refusal(parse_digest({"a", "b", "c"})) == "more than one image is named");
  CHECK(refusal(parse_repositories({})) == "no registry is named");
  CHECK(refusal(parse_delete({})) == "no reference is named");
}

TEST_CASE("repositories are listed of a registry, or below a path of it") {
  CHECK(read(parse_repositories({"localhost:5000"})).where.path.empty());
  const auto below = read(parse_repositories({"https://a.example/team/sub/"})).where;
  CHECK(below.host == "a.example");
  CHECK(below.path == "team/sub");
  CHECK(below.tls);
  CHECK(read(parse_repositories({"https://a.example/v2/"})).where.path.empty());
  CHECK(read(parse_repositories({"docker.io/library"})).where.path == "library");
  CHECK(refusal(parse_repositories({"a.example/team/app:1.0"})) ==
        "'a.example/team/app:1.0' names one image, and repositories are listed below a path");
  CHECK(refusal(parse_repositories({"a.example/Team"})).find("is not an image reference") != std::string::npos);
  CHECK(refusal(parse_repositories({"team"})) == "'team' is no registry's name without a dot or a port: it reads as a user of docker.io");
}

TEST_CASE("documents are printed one at a time") {
  CHECK(read(parse_inspect({"nginx", "--raw", "--platform", "linux/arm64"})).raw);
  CHECK(refusal(parse_inspect({"nginx", "--raw", "--config"})) == "--raw and --config exclude each other");
  CHECK(refusal(parse_inspect({"nginx", "--config", "-a", "amd64,arm64"})).find("several") != std::string::npos);
  CHECK(refusal(parse_digest({"nginx", "-a", "amd64,arm64"})).find("several") != std::string::npos);
}

TEST_CASE("behind a file an image of it may be named, and no more") {
  const auto arguments = read(parse_inspect({"two.tar", "app:1.0", "--offline"}));
  CHECK(arguments.object == "two.tar");
  CHECK(arguments.inside == "app:1.0");
  CHECK(arguments.offline);
  CHECK(read(parse_inspect({"nginx"})).inside.empty());
  CHECK(refusal(parse_inspect({"a", "b", "c"})) == "more than one image is named");
}

TEST_CASE("help of a question is text") {
  const auto words = parse_tags({"--help"});
  REQUIRE(words.has_value());
  CHECK(help_page(std::get<help_text>(*words), 100).find("--semver") != std::string::npos);
}
