#include "registry/authenticator.hpp"

#include "config/proxy.hpp"
#include "unit/registry/authenticator_fixture.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>

namespace gantry::registry {
namespace {

using fixture = authenticator_fixture;

TEST_CASE("nothing is sent to a registry that has asked for nothing") {
  const auto source = password("alice", "secret");
  fixture f(source);
  CHECK(test::must(f.authorization()).empty());
  CHECK(source->asked == 0);
}

TEST_CASE("what calls itself this machine gets no secret in clear text through a proxy elsewhere") {
  fixture f;
  const auto through = [&f](const std::string& host) {
    return http::client(f.connections, http::exchange_limits{5s, 5s}, [host](const http::origin&) {
      net::endpoint route;
      route.via = test::must(config::parse_proxy("http://" + host + ":3128"));
      return result<net::endpoint>(std::move(route));
    });
  };
  http::client elsewhere = through("proxy.test");
  http::client here = through("127.0.0.1");
  const auto secret = password("alice", "hunter2");
  const authenticator behind(elsewhere, f.workers, {"localhost:5000", secret, false});
  for (const char* host : {"127.0.0.1:5000", "localhost:5000", "registry.localhost:5000", "[::1]:5000"}) {
    INFO(host);
    const http::origin clear = test::must(http::endpoint_of(host, "http"));
    CHECK_FALSE(behind.may_carry_secrets(clear));
    CHECK(behind.may_carry_secrets(test::must(http::endpoint_of(host, "https"))));
    CHECK(authenticator(here, f.workers, {"localhost:5000", secret, false}).may_carry_secrets(clear));
    CHECK(authenticator(f.http, f.workers, {"localhost:5000", secret, false}).may_carry_secrets(clear));
    CHECK(authenticator(elsewhere, f.workers, {"localhost:5000", secret, true}).may_carry_secrets(clear));
  }
  authenticator asked(elsewhere, f.workers, {"localhost:5000", secret, false});
  const auto said =
      test::must_fail(f.loop.run(asked.answer(f.api, "team/app", f.scope, fixture::basic(), "", f.stop)), errc::insecure_transport);
  CHECK(said.text.message().find("--plain-http=localhost:5000") != std::string::npos);
  CHECK(said.text.message().find("hunter2") == std::string::npos);
}

/// A source that answers when it is stopped, and then with rubbish.
struct hanging final : credential_source {
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return std::nullopt; }
  std::optional<credential> find_until(const std::string&, const std::string&, diagnostics& problem, const std::stop_token& stop) override {
    if (asked++ > 0) return credential{"alice", "secret", "", "the test"};
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait(lock, stop, [] { return false; });
    problem = diagnostics("broken off");
    return std::nullopt;
  }
  std::atomic<unsigned> asked = 0;
};

TEST_CASE("a stop ends the question for a credential, and the next caller asks anew") {
  const auto source = std::make_shared<hanging>();
  fixture f(source);
  runtime::stop_source impatient;
  std::optional<result<std::string>> first;
  f.loop.spawn(f.who.answer(f.api, "team/app", f.scope, fixture::basic(), "", impatient), first);
  while (source->asked == 0) f.loop.run_for(5ms);
  impatient.request_stop();
  f.loop.drain();
  REQUIRE(first);
  test::must_fail(*first, errc::cancelled);
  CHECK(test::must(f.answer(fixture::basic())).starts_with("Basic "));
  CHECK(source->asked == 2);
}

/// A source that breaks its word.
struct throwing_source final : credential_source {
  std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { throw std::runtime_error("no vault"); }
};

TEST_CASE("a credential source that throws harms only the request that asked it") {
  test::fake_registry registry(bearer_for("", ""));
  fixture f(std::make_shared<throwing_source>());
  CHECK_THROWS_WITH(f.answer(f.bearer(registry)), "no vault");
  CHECK_THROWS_WITH(f.answer(f.bearer(registry)), "no vault");  // does not wait for the first for ever
}

TEST_CASE("a password goes to the token service, and only there") {
  test::fake_registry registry(bearer_for("alice", "secret"));
  fixture f(password("alice", "secret"));
  CHECK(test::must(f.answer(f.bearer(registry))).starts_with("Bearer "));
  const auto asked = registry.requests("/token");
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].header("Authorization").starts_with("Basic "));
  CHECK(asked[0].target.find("account=alice") != std::string::npos);
  CHECK(asked[0].target.find("secret") == std::string::npos);
}

TEST_CASE("a refusal names the helper that is missing") {
  struct without_helper final : credential_source {
    std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return std::nullopt; }
    std::string absence(const std::string&) override { return "docker-credential-desktop is not installed"; }
  };
  fixture f(std::make_shared<without_helper>());
  const failure said = test::must_fail(f.answer(fixture::basic()), errc::unauthorized);
  CHECK(said.text.message().find("docker-credential-desktop is not installed") != std::string::npos);
  CHECK(f.who.identity("team/app").find("docker-credential-desktop") != std::string::npos);
}

TEST_CASE("a basic challenge is answered from then on without being asked") {
  const auto source = password("alice", "secret");
  fixture f(source);
  const std::string value = test::must(f.answer(fixture::basic()));
  CHECK(value == "Basic YWxpY2U6c2VjcmV0");
  CHECK(test::must(f.authorization()) == value);
  CHECK(source->asked == 1);
  const failure said = test::must_fail(f.answer(fixture::basic(), value), errc::unauthorized);
  CHECK(said.text.message().find("secret") == std::string::npos);
}

TEST_CASE("a registry that turns from Basic to Bearer is asked with a token from then on") {
  test::fake_registry registry(bearer_for("alice", "secret"));
  fixture f(password("alice", "secret"));
  test::must(f.answer(fixture::basic()));
  const std::string token = test::must(f.answer(f.bearer(registry), "Basic YWxpY2U6c2VjcmV0"));
  CHECK(test::must(f.authorization()) == token);
}

TEST_CASE("a basic challenge without a password asks the user for one") {
  fixture f;
  CHECK(test::must_fail(f.answer(fixture::basic()), errc::unauthorized).text.message().find("--username") != std::string::npos);
  CHECK(test::must(f.authorization()).empty());
}

TEST_CASE("unreadable credentials are not taken for none") {
  const auto source = password("alice", "secret");
  source->trouble = "the vault is locked";
  fixture f(source);
  CHECK(test::must_fail(f.answer(fixture::basic()), errc::bad_credentials).text.message() == "the vault is locked");
}

TEST_CASE("a password does not leave this machine in clear text, unless that was asked for") {
  for (const bool allowed : {false, true}) {
    fixture f(password("alice", "secret"), allowed);
    f.api = test::must(http::endpoint_of("registry.test:5000", "http"));
    const auto outcome = f.answer(fixture::basic());
    if (allowed) {
      CHECK(outcome);
    } else {
      CHECK(test::must_fail(outcome, errc::insecure_transport).text.message().find("secret") == std::string::npos);
    }
    f.api = test::must(http::endpoint_of("registry.test:5000", "https"));
    CHECK(f.answer(fixture::basic()));
  }
  fixture f(password("alice", "secret"));
  f.api = test::must(http::endpoint_of("registry.test", "http"));
  test::must_fail(f.answer(f.bearer("http://registry.test/token")), errc::insecure_transport);
}

TEST_CASE("a realm that the origin policy refuses is not asked") {
  fixture f(password("alice", "secret"));
  f.api = test::must(http::endpoint_of("registry.test", "https"));
  for (const char* realm :
       {"http://registry.test/token", "http://auth.elsewhere.test/token", "https://127.0.0.1/token", "https://192.168.1.1/token",
        "ftp://registry.test/token", "https://user:secret@registry.test/token", "/token"}) {
    INFO(realm);
    test::must_fail(f.answer(f.bearer(realm)), errc::redirect_refused);
  }
}

TEST_CASE("a challenge that cannot be answered is an error, not a loop") {
  fixture f;
  test::must_fail(f.answer({{"negotiate", {}}}), errc::unauthorized);
  test::must_fail(f.answer({{"bearer", {{"service", "x"}}}}), errc::protocol_error);
}

}  // namespace
}  // namespace gantry::registry
