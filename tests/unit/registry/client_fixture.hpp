#pragma once

#include "registry/registry_client.hpp"

#include "support/fake_registry.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gantry::registry {

using namespace std::chrono_literals;

/// Knows one credential for every registry.
struct one_credential final : credential_source {
  one_credential(std::string name, std::string secret) : known{std::move(name), std::move(secret), "", "the test"} {}
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return known; }
  credential known;
};

/// A client of one registry, on a loop of its own, with what it logged.
struct client_fixture {
  explicit client_fixture(const test::fake_registry& at, std::shared_ptr<credential_source> credentials = nullptr, bool plain = true)
      : host(at.host()), client(http, workers, settings(plain ? at.host() : "none.test", std::move(credentials))) {}

  registry_settings settings(const std::string& plain, std::shared_ptr<credential_source> credentials) {
    registry_settings made;
    made.plain_http = {plain};
    made.credentials = std::move(credentials);
    made.log = [this](const std::string& line) { log += line + "\n"; };
    return made;
  }

  test::loop loop;  // outlives the connections that are kept
  std::string host;
  std::string log;
  runtime::lanes workers;
  net::connector connections{workers, net::connect_limits{10s, 10s}};
  http::client http{connections, http::exchange_limits{5s, 5s}, [](const http::origin&) { return net::tls_settings(); }};
  registry_client client;
  runtime::stop_source stop;

  reference name(const std::string& text) const {
    error_code ec;
    reference parsed = reference::parse(host + "/" + text, ec);
    REQUIRE_FALSE(ec);
    return parsed;
  }
  result<document> manifest(const std::string& image = "team/app:1.0") { return loop.run(client.get_manifest(name(image), stop)); }
  result<std::string> blob(const test::test_blob& wanted) {
    error_code ec;
    descriptor entry;
    entry.digest = digest::parse(wanted.digest, ec);
    entry.size = wanted.bytes.size();
    return loop.run(client.read_blob(name("team/app:1.0"), entry, stop));
  }
};

inline test::fake_registry_options with_auth(test::fake_auth kind, std::string username, std::string secret) {
  test::fake_registry_options options;
  options.auth = kind;
  options.username = std::move(username);
  options.password = std::move(secret);
  return options;
}

inline test::test_image small_image() {
  test::image_recipe recipe;
  recipe.layers = {2000};
  return test::build_image(recipe);
}

}  // namespace gantry::registry
