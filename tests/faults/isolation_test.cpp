// What is shared between requests and operations, and what must not be.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/scripted_server.hpp"
#include "support/tls_server.hpp"

#include <gantry/credentials.hpp>

#include <boost/asio/io_context.hpp>

#include <functional>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

credential alice() { return {"alice", "wonder", "", "test"}; }
credential bob() { return {"bob", "guess", "", "test"}; }

/// One user for all repositories but one, which is another's.
class two_users final : public credential_source {
 public:
  two_users(credential most, credential secret) : most_(std::move(most)), secret_(std::move(secret)) {}
  std::optional<credential> find(const std::string&, const std::string& repository, diagnostics&) override {
    return repository == "team/secret" ? secret_ : most_;
  }

 private:
  credential most_;
  credential secret_;
};

/// A registry with an image for each user.
struct shared_registry {
  /// \param owner who gets a token; nobody: everybody gets one
  explicit shared_registry(const std::optional<credential>& owner, bool redirects = false)
      : registry(options_of(owner, redirects)), pulls(registry) {
    registry.hold("team/app", "1.0", of_app);
    registry.hold("team/secret", "1.0", of_secret);
    pulls.settings.credentials = std::make_shared<two_users>(alice(), bob());
  }

  static test_image image_of(std::uint32_t seed) {
    image_recipe recipe;
    recipe.layers = {20'000, 3'000'000};
    recipe.seed = seed;
    return build_image(recipe);
  }

  static fake_registry_options options_of(const std::optional<credential>& owner, bool redirects) {
    fake_registry_options options;
    options.auth = fake_auth::bearer;
    options.redirect_blobs = redirects;
    if (owner) options.username = owner->username;
    if (owner) options.password = owner->password;
    return options;
  }

  /// Whose request it was, by its target.
  std::string user_of(const recorded_request& one) const {
    const auto names = [&one](const std::string& part) { return one.target.find(part) != std::string::npos; };
    const auto is_about = [&](const test_image& image, const std::string& repository, const std::string& user) {
      return names("/" + repository + "/") || names("account=" + user) || names(image.config.digest) || names(image.layers[0].digest) ||
             names(image.layers[1].digest);
    };
    return is_about(of_app, "team/app", "alice") ? "alice" : is_about(of_secret, "team/secret", "bob") ? "bob" : "somebody";
  }

  /// alice's image, then bob's, by one engine.
  void pull_both() {
    boost::asio::io_context context;
    engine one(context.get_executor(), pulls.settings);
    const auto pull = [&](const std::string& name, error_code& ended, const std::function<void()>& then) {
      error_code ec;
      pull_options options;
      options.platforms = {platform::parse("linux/amd64", ec)};
      one.async_pull(reference::parse(registry.host() + name, ec), options, [&ended, then](error_code failed, const pull_result&) {
        ended = failed;
        then();
      });
    };
    // One after the other, so that what is alice's is there when bob asks.
    pull("/team/app:1.0", of_alice, [&] { pull("/team/secret:1.0", of_bob, [&] { one.async_shutdown([](error_code) {}); }); });
    context.run_for(std::chrono::minutes(5));
  }

  test_image of_app = image_of(1);
  test_image of_secret = image_of(2);
  fake_registry registry;
  puller pulls;
  error_code of_alice = make_error_code(errc::internal_error);
  error_code of_bob = make_error_code(errc::internal_error);
};

}  // namespace

TEST_CASE("engines of different users share neither tokens nor connections", "[faults]") {
  shared_registry s(alice());
  puller other(s.registry);
  other.settings.credentials = std::make_shared<two_users>(bob(), bob());
  REQUIRE_FALSE(s.pulls.pull().ec);
  std::set<std::string> tokens;
  std::set<unsigned> connections;
  for (const recorded_request& one : s.registry.requests()) {
    if (!one.header("Authorization").empty()) tokens.insert(one.header("Authorization"));
    connections.insert(one.connection);
  }
  s.registry.forget_requests();
  const pull_report refused = other.pull();
  CHECK(refused.ec == make_error_condition(condition::not_authorised));
  for (const recorded_request& one : s.registry.requests()) {
    CHECK_FALSE(tokens.contains(one.header("Authorization")));
    CHECK_FALSE(connections.contains(one.connection));
  }
}

TEST_CASE("two users within one engine share no tokens", "[faults]") {
  shared_registry s(alice());
  s.pull_both();
  CHECK_FALSE(s.of_alice);
  CHECK(s.of_bob == make_error_condition(condition::not_authorised));
  CHECK(s.registry.count("/token") >= 2);
  for (const recorded_request& one : s.registry.requests("/v2/team/secret/")) {
    INFO(one.target);
    CHECK(one.header("Authorization").empty());
  }
}

TEST_CASE("two users within one engine share no connections nor do they where blobs are kept", "[faults]") {
  shared_registry s(std::nullopt, GENERATE(false, true));
  s.pulls.settings.jobs = GENERATE(1u, 4u);
  s.pull_both();
  CHECK_FALSE(s.of_alice);
  CHECK_FALSE(s.of_bob);
  std::map<unsigned, std::set<std::string>> users;
  for (const recorded_request& one : s.registry.requests()) users[one.connection].insert(s.user_of(one));
  CHECK(users.size() >= 4);
  for (const auto& [connection, names] : users) {
    INFO(connection);
    CHECK(names.size() == 1);
    CHECK_FALSE(names.contains("somebody"));
  }
}

TEST_CASE("an engine that checks certificates has nothing of one that does not", "[faults]") {
  const certificate_authority authority;
  const test_image image = app_image();
  const std::string head = "HTTP/1.1 200 OK\r\nContent-Type: " + image.manifest.media_type +
                           "\r\nDocker-Content-Digest: " + image.manifest.digest +
                           "\r\nContent-Length: " + std::to_string(image.manifest.bytes.size()) + "\r\n\r\n";
  const scripted_server server({over_tls(authority.issue(), [head](tls_session& session) {
    while (!session.receive().empty() && session.send(head)) {
    }
  })});
  const std::string host = "127.0.0.1:" + std::to_string(server.port());
  fake_registry unused;
  puller place(unused);
  place.settings.plain_http.clear();
  place.settings.tls_only = {host};
  place.settings.attempts = 1;
  engine strict(place.settings);
  place.settings.insecure = {host};
  engine lax(place.settings);
  const auto ask = [&](engine& one) {
    error_code ec;
    const reference name = reference::parse(host + "/team/app:1.0", ec);
    diagnostics text;
    const auto done = std::make_shared<std::promise<error_code>>();
    auto ended = done->get_future();
    one.async_digest(name, digest_options(), text, [done](error_code failed, const digest_result&) { done->set_value(failed); });
    return ended.get();
  };
  CHECK_FALSE(ask(lax));
  CHECK(ask(strict) == make_error_code(errc::tls_not_trusted));
  CHECK_FALSE(ask(lax));
  CHECK(server.connections() == 2);
}
