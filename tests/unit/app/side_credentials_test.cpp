#include "engine_setup.hpp"

#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <map>
#include <string>

using namespace gantry;
using namespace gantry::app;
using gantry::test::spill;
using gantry::test::temp_dir;

namespace {

/// A home directory whose docker file knows a user of Docker Hub and one of a mirror.
struct home {
  home() {
    std::filesystem::create_directories(directory / ".docker");
    // name:secret, in base64
    const std::string entry = R"({"auth":"bmFtZTpzZWNyZXQ="})";
    spill(directory / ".docker/config.json", R"({"auths":{"https://index.docker.io/v1/":)" + entry + R"(,"mirror.test":)" + entry + "}}");
    variables["HOME"] = directory.path().string();
  }

  std::string user_of(const side_options& side, const std::string& registry) {
    common_options quiet;
    quiet.progress = progress_mode::none;
    auto output = console::open(quiet);
    REQUIRE(output.has_value());
    read_credentials read;
    const auto source = credentials_of_side(
        side, "--src-authfile", {}, registry, [this](const char* name) { return variables[name]; }, **output, read);
    REQUIRE(source.has_value());
    diagnostics problem;
    const auto found = (*source)->find(registry.empty() ? "mirror.test" : registry, "team/app", problem);
    CHECK(problem.message().empty());
    return found ? found->username : std::string();
  }

  temp_dir directory;
  std::map<std::string, std::string> variables;
};

}  // namespace

TEST_CASE("an end of a copy looks where every command looks, in the same order: options, environment, files") {
  home h;
  CHECK(h.user_of({}, "docker.io") == "name");
  h.variables["DOCKER_HUB_USERNAME"] = "variable";
  h.variables["DOCKER_HUB_TOKEN"] = "secret";
  CHECK(h.user_of({}, "docker.io") == "variable");
  side_options given;
  given.username = "option";
  given.password = "secret";
  CHECK(h.user_of(given, "docker.io") == "option");
}

TEST_CASE("what is at neither end of a copy is looked up in the usual places") {
  home h;
  CHECK(h.user_of({}, "") == "name");
}
