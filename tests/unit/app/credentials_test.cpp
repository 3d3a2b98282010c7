#include "credentials.hpp"

#include "support/catch.hpp"

#include <map>
#include <memory>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::app;

namespace {

struct found {
  std::vector<std::string> warnings;
  std::unique_ptr<credential_chain> chain;
  diagnostics problem;

  found(std::map<std::string, std::string> values, const std::string& registry) {
    const environment variables = [&](const char* name) { return values[name]; };
    chain = std::make_unique<credential_chain>(
        environment_credentials(variables, registry, [&](const std::string& text) { warnings.push_back(text); }));
  }
};

}  // namespace

TEST_CASE("the variables of Docker Hub serve docker.io alone") {
  found in({{"DOCKER_HUB_USERNAME", "me"}, {"DOCKER_HUB_TOKEN", "t0ken"}}, "");
  const auto hub = in.chain->find("docker.io", "library/nginx", in.problem);
  REQUIRE(hub);
  CHECK(hub->username == "me");
  CHECK(hub->password == "t0ken");
  CHECK(hub->origin == "environment variable DOCKER_HUB_USERNAME");
  CHECK_FALSE(in.chain->find("quay.io", "a/b", in.problem));
  CHECK(in.warnings.empty());
}

TEST_CASE("a token without a user name warns and stays unused, and is not repeated") {
  found in({{"DOCKER_HUB_TOKEN", "t0ken"}}, "");
  CHECK_FALSE(in.chain->find("docker.io", "library/nginx", in.problem));
  REQUIRE(in.warnings.size() == 1);
  CHECK(in.warnings[0] == "DOCKER_HUB_TOKEN is set without DOCKER_HUB_USERNAME and not used for docker.io");
}

TEST_CASE("empty variables are unset variables") {
  found in({{"DOCKER_HUB_USERNAME", ""}, {"DOCKER_HUB_TOKEN", ""}}, "");
  CHECK_FALSE(in.chain->find("docker.io", "library/nginx", in.problem));
  CHECK(in.warnings.empty());
}

TEST_CASE("REGISTRY_USERNAME serves the registry of environment mode alone") {
  found in({{"REGISTRY_USERNAME", "me"}, {"REGISTRY_PASSWORD", "word"}}, "quay.io");
  CHECK(in.chain->find("quay.io", "a/b", in.problem));
  CHECK_FALSE(in.chain->find("docker.io", "library/nginx", in.problem));
  found outside({{"REGISTRY_USERNAME", "me"}, {"REGISTRY_PASSWORD", "word"}}, "");
  CHECK_FALSE(outside.chain->find("quay.io", "a/b", outside.problem));
}

TEST_CASE("the first source of a chain wins and a bound credential reaches no other registry") {
  credential first;
  first.username = "flag";
  credential second;
  second.username = "file";
  credential_chain chain({std::make_shared<bound_credential>("quay.io", first), std::make_shared<bound_credential>("quay.io", second),
                          std::make_shared<bound_credential>("ghcr.io", second)});
  diagnostics problem;
  CHECK(chain.find("quay.io", "a", problem)->username == "flag");
  CHECK(chain.find("ghcr.io", "a", problem)->username == "file");
  CHECK_FALSE(chain.find("quay.io:443", "a", problem));
  CHECK(problem.message().empty());
}

TEST_CASE("a source that cannot read its entry ends the chain with its words") {
  struct broken final : credential_source {
    std::optional<credential> find(const std::string&, const std::string&, diagnostics& problem) override {
      problem = diagnostics("the entry is damaged");
      return std::nullopt;
    }
  };
  credential value;
  value.username = "file";
  credential_chain chain({std::make_shared<broken>(), std::make_shared<bound_credential>("quay.io", value)});
  diagnostics problem;
  CHECK_FALSE(chain.find("quay.io", "a", problem));
  CHECK(problem.message() == "the entry is damaged");
}
