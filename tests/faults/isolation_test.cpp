// What is shared between requests and operations, and what must not be.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <gantry/credentials.hpp>

#include <set>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

class fixed_credential final : public credential_source {
 public:
  fixed_credential(std::string username, std::string password) : username_(std::move(username)), password_(std::move(password)) {}
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override {
    credential value;
    value.username = username_;
    value.password = password_;
    value.origin = "test";
    return value;
  }

 private:
  std::string username_;
  std::string password_;
};

}  // namespace

TEST_CASE("engines of different users share neither tokens nor connections", "[faults]") {
  fake_registry_options options;
  options.auth = fake_auth::bearer;
  options.username = "alice";
  options.password = "wonder";
  fake_registry registry(options);
  registry.hold("team/app", "1.0", app_image());
  puller alice(registry);
  alice.settings.credentials = std::make_shared<fixed_credential>("alice", "wonder");
  puller bob(registry);
  bob.settings.credentials = std::make_shared<fixed_credential>("bob", "guess");
  REQUIRE_FALSE(alice.pull().ec);
  std::set<std::string> tokens;
  std::set<unsigned> connections;
  for (const recorded_request& one : registry.requests()) {
    if (!one.header("Authorization").empty()) tokens.insert(one.header("Authorization"));
    connections.insert(one.connection);
  }
  registry.forget_requests();
  const pull_report refused = bob.pull();
  CHECK(refused.ec == make_error_condition(condition::not_authorised));
  for (const recorded_request& one : registry.requests()) {
    CHECK_FALSE(tokens.contains(one.header("Authorization")));
    CHECK_FALSE(connections.contains(one.connection));
  }
}
