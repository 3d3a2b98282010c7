// What is shared between requests and operations, and what must not be.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <gantry/credentials.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <set>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// Alice for all repositories but one, which is bob's.
class two_users final : public credential_source {
 public:
  std::optional<credential> find(const std::string&, const std::string& repository, diagnostics&) override {
    credential value;
    value.username = repository == "team/secret" ? "bob" : "alice";
    value.password = repository == "team/secret" ? "guess" : "wonder";
    value.origin = "test";
    return value;
  }
};

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

TEST_CASE("two users within one engine share no tokens", "[faults]") {
  fake_registry_options options;
  options.auth = fake_auth::bearer;
  options.username = "alice";
  options.password = "wonder";
  fake_registry registry(options);
  registry.hold("team/app", "1.0", app_image());
  registry.hold("team/secret", "1.0", app_image());
  puller made(registry);
  made.settings.credentials = std::make_shared<two_users>();
  boost::asio::io_context context;
  error_code of_alice;
  error_code of_bob;
  {
    engine one(context.get_executor(), made.settings);
    const auto pull = [&](const std::string& name, error_code& ended, const std::function<void()>& then) {
      error_code ec;
      one.async_pull(reference::parse(registry.host() + name, ec), pull_options(), [&ended, then](error_code failed, const pull_result&) {
        ended = failed;
        then();
      });
    };
    // One after the other, so that alice's token is there when bob asks.
    pull("/team/app:1.0", of_alice, [&] { pull("/team/secret:1.0", of_bob, [&] { one.async_shutdown([](error_code) {}); }); });
    context.run_for(std::chrono::minutes(5));
  }
  CHECK_FALSE(of_alice);
  CHECK(of_bob == make_error_condition(condition::not_authorised));
  CHECK(registry.count("/token") >= 2);
  for (const recorded_request& one : registry.requests("/v2/team/secret/")) {
    INFO(one.target);
    CHECK(one.header("Authorization").empty());
  }
}
