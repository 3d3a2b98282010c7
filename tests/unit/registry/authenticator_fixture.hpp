#pragma once

#include "registry/authenticator.hpp"

#include "support/fake_registry.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::registry {

using namespace std::chrono_literals;

/// Knows one credential for every registry, and counts how often it was asked.
struct counted_credential final : credential_source {
  explicit counted_credential(std::optional<credential> value) : known(std::move(value)) {}
  std::optional<credential> find(const std::string&, const std::string&, diagnostics& problem) override {
    ++asked;
    if (!trouble.empty()) problem = diagnostics(trouble);
    return known;
  }
  std::optional<credential> known;
  std::string trouble;
  std::atomic<unsigned> asked = 0;
};

inline std::shared_ptr<counted_credential> password(std::string name, std::string secret) {
  return std::make_shared<counted_credential>(credential{std::move(name), std::move(secret), "", "the test"});
}
inline std::shared_ptr<counted_credential> refresh_token(std::string token) {
  return std::make_shared<counted_credential>(credential{"", "", std::move(token), "the test"});
}

/// An authenticator for registry.test, whose API stands on this machine.
struct authenticator_fixture {
  explicit authenticator_fixture(std::shared_ptr<credential_source> credentials = nullptr, bool allow_plain_http = false)
      : who(http, workers, {"registry.test", std::move(credentials), allow_plain_http}) {}

  test::loop loop;  // outlives the connections that are kept
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  http::client http{connections, http::exchange_limits{5s, 5s}, [](const http::origin&) { return net::tls_settings(); }};
  authenticator who;
  runtime::stop_source stop;
  http::origin api = test::must(http::endpoint_of("127.0.0.1:5000", "http"));
  const std::string scope = "repository:team/app:pull";

  std::vector<challenge> bearer(const std::string& realm) const {
    return {{"bearer", {{"realm", realm}, {"service", "test"}, {"scope", scope}}}};
  }
  std::vector<challenge> bearer(const test::fake_registry& registry) const {
    return bearer("http://127.0.0.1:" + std::to_string(registry.token_port()) + "/token");
  }
  static std::vector<challenge> basic() { return {{"basic", {{"realm", "test"}}}}; }

  task<result<std::string>> answering(std::vector<challenge> challenges, std::string used) {
    co_return co_await who.answer(api, "team/app", scope, std::move(challenges), std::move(used), stop);
  }
  result<std::string> answer(std::vector<challenge> challenges, std::string used = {}) {
    return loop.run(answering(std::move(challenges), std::move(used)));
  }
  result<std::string> authorization() { return loop.run(who.authorization(api, "team/app", scope, stop)); }
};

inline test::fake_registry_options bearer_for(std::string name, std::string secret, std::chrono::seconds life = 300s) {
  test::fake_registry_options options;
  options.auth = test::fake_auth::bearer;
  options.username = std::move(name);
  options.password = std::move(secret);
  options.token_life = life;
  return options;
}

}  // namespace gantry::registry
