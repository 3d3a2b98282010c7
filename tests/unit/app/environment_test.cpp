#include "environment.hpp"

#include "support/catch.hpp"

#include <map>
#include <string>

using namespace gantry::app;

namespace {

environment variables(std::map<std::string, std::string> values) {
  return [values = std::move(values)](const char* name) {
    const auto found = values.find(name);
    return found == values.end() ? std::string() : found->second;
  };
}

}  // namespace

TEST_CASE("without IMAGE_REF, or with an empty one, there is no environment mode") {
  CHECK_FALSE(environment_arguments(variables({})).value().has_value());
  CHECK_FALSE(environment_arguments(variables({{"IMAGE_REF", ""}, {"PLATFORM", "linux/arm64"}})).value().has_value());
}

TEST_CASE("IMAGE_REF alone pulls linux/amd64 into a gzipped archive of its name") {
  const auto arguments = *environment_arguments(variables({{"IMAGE_REF", "nginx:1.25"}})).value();
  CHECK(arguments.images == std::vector<std::string>{"nginx:1.25"});
  REQUIRE(arguments.platforms.size() == 1);
  CHECK(to_string(arguments.platforms[0]) == "linux/amd64");
  CHECK(arguments.output == "nginx_1.25_amd64.tar.gz");
}

TEST_CASE("PLATFORM and GANTRY_OUTPUT change platform and place") {
  auto arguments = *environment_arguments(variables({{"IMAGE_REF", "nginx:1.25"}, {"PLATFORM", "linux/arm/v7"}})).value();
  CHECK(arguments.output == "nginx_1.25_armv7.tar.gz");
  arguments = *environment_arguments(variables({{"IMAGE_REF", "nginx"}, {"GANTRY_OUTPUT", "x.tar"}})).value();
  CHECK(arguments.output == "x.tar");
  CHECK_FALSE(arguments.gzip);
  arguments = *environment_arguments(variables({{"IMAGE_REF", "nginx"}, {"GANTRY_OUTPUT", "out"}})).value();
  CHECK(arguments.output == "out");
  CHECK(arguments.gzip);
  arguments = *environment_arguments(variables({{"IMAGE_REF", "nginx"}, {"GANTRY_OUTPUT", "-"}})).value();
  CHECK_FALSE(arguments.gzip);
}

TEST_CASE("a bad variable is named in the error") {
  CHECK(environment_arguments(variables({{"IMAGE_REF", "NGINX"}})).error().message.find("IMAGE_REF: ") == 0);
  CHECK(environment_arguments(variables({{"IMAGE_REF", "nginx"}, {"PLATFORM", "/"}})).error().message.find("PLATFORM: ") == 0);
}

TEST_CASE("outputs for CI steps are one line each and never hold a newline") {
  archive_facts facts{"/w/a.tar.gz", "a.tar.gz", 12, "sha256:1", "sha256:2", "sha256:3"};
  auto [text, refused] = github_output(facts);
  CHECK(text ==
        "archive_path=/w/a.tar.gz\narchive_name=a.tar.gz\narchive_size=12\ndigest=sha256:1\nmanifest_digest=sha256:2\nimage_id=sha256:3\n");
  CHECK(refused.empty());
  facts.path = "/w\nadmin=true/a.tar.gz";
  std::tie(text, refused) = github_output(facts);
  CHECK(text.find("admin") == std::string::npos);
  CHECK(refused == std::vector<std::string>{"archive_path"});
}
