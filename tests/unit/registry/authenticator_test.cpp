#include "registry/authenticator.hpp"

#include "config/proxy.hpp"
#include "support/fake_registry.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/scripted_server.hpp"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace gantry::registry {
namespace {

using namespace std::chrono_literals;

/// Knows one credential for every registry, and counts how often it was asked.
struct one_credential final : credential_source {
  explicit one_credential(std::optional<credential> value) : known(std::move(value)) {}
  std::optional<credential> find(const std::string&, const std::string&, diagnostics& problem) override {
    ++asked;
    if (!trouble.empty()) problem = diagnostics(trouble);
    return known;
  }
  std::optional<credential> known;
  std::string trouble;
  std::atomic<unsigned> asked = 0;
};

std::shared_ptr<one_credential> password(std::string name, std::string secret) {
  return std::make_shared<one_credential>(credential{std::move(name), std::move(secret), "", "the test"});
}
std::shared_ptr<one_credential> refresh_token(std::string token) {
  return std::make_shared<one_credential>(credential{"", "", std::move(token), "the test"});
}

struct fixture {
  explicit fixture(std::shared_ptr<credential_source> credentials = nullptr, bool allow_plain_http = false)
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

test::fake_registry_options bearer_for(std::string name, std::string secret, std::chrono::seconds life = 300s) {
  test::fake_registry_options options;
  options.auth = test::fake_auth::bearer;
  options.username = std::move(name);
  options.password = std::move(secret);
  options.token_life = life;
  return options;
}

TEST_CASE("nothing is sent to a registry that has asked for nothing") {
  const auto source = password("alice", "secret");
  fixture f(source);
  CHECK(test::must(f.authorization()).empty());
  CHECK(source->asked == 0);
}

TEST_CASE("an anonymous token is asked for with service and scope, and used again") {
  test::fake_registry registry(bearer_for("", ""));
  fixture f;
  const std::string first = test::must(f.answer(f.bearer(registry)));
  CHECK(first.starts_with("Bearer token-1"));
  CHECK(test::must(f.authorization()) == first);
  const auto asked = registry.requests("/token");
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].target.find("service=test") != std::string::npos);
  CHECK(asked[0].target.find("scope=repository%3Ateam%2Fapp%3Apull") != std::string::npos);
  CHECK(asked[0].target.find("account=") == std::string::npos);
  CHECK(asked[0].header("Authorization").empty());
  CHECK(f.who.identity("team/app") == "anonymously");
}

TEST_CASE("ten requests that are challenged at once ask for one token") {
  test::fake_registry registry(bearer_for("alice", "secret"));
  registry.inject("/token", test::drip_of(20, 30ms));  // so that all are there before it is answered
  const auto source = password("alice", "secret");
  fixture f(source);
  std::vector<std::optional<result<std::string>>> answers(10);
  for (auto& one : answers) f.loop.spawn(f.answering(f.bearer(registry), ""), one);
  f.loop.drain();
  for (const auto& one : answers) {
    REQUIRE(one);
    CHECK(test::must(*one) == test::must(*answers.front()));
  }
  CHECK(registry.count("/token") == 1);
  CHECK(source->asked == 1);
  CHECK(f.who.identity("team/app") == "as alice (credentials: the test)");
}

TEST_CASE("a wrong password is tried once, however many requests wait for the token") {
  test::fake_registry registry(bearer_for("alice", "secret"));
  fixture f(password("alice", "wrong"));
  std::vector<std::optional<result<std::string>>> answers(10);
  for (auto& one : answers) f.loop.spawn(f.answering(f.bearer(registry), ""), one);
  f.loop.drain();
  for (const auto& one : answers) {
    REQUIRE(one);
    const failure said = test::must_fail(*one, errc::unauthorized);
    CHECK(said.text.message().find("as alice (credentials: the test)") != std::string::npos);
    CHECK(said.text.message().find("wrong") == std::string::npos);
  }
  CHECK(registry.count("/token") == 1);
  // Who comes later may try again: the password may have been made right on the other side.
  test::must_fail(f.answer(f.bearer(registry)), errc::unauthorized);
  CHECK(registry.count("/token") == 2);
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

TEST_CASE("a stop of the one who fetches the token does not harm those who wait for it") {
  test::fake_registry registry(bearer_for("", ""));
  registry.inject("/token", test::no_answer());
  fixture f;
  runtime::stop_source impatient;
  std::optional<result<std::string>> first;
  std::optional<result<std::string>> second;
  f.loop.spawn(f.who.answer(f.api, "team/app", f.scope, f.bearer(registry), "", impatient), first);
  f.loop.spawn(f.answering(f.bearer(registry), ""), second);
  const test::stopwatch watch;
  while (registry.count("/token") == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  impatient.request_stop();
  f.loop.drain();
  REQUIRE(first);
  test::must_fail(*first, errc::cancelled);
  REQUIRE(second);
  CHECK(test::must(*second).starts_with("Bearer "));
  CHECK(registry.count("/token") == 2);
}

TEST_CASE("a stop ends the wait for a token that another fetches") {
  test::fake_registry registry(bearer_for("", ""));
  registry.inject("/token", test::no_answer());
  fixture f;
  runtime::stop_source impatient;
  std::optional<result<std::string>> fetching;
  std::optional<result<std::string>> waiting;
  f.loop.spawn(f.answering(f.bearer(registry), ""), fetching);
  f.loop.spawn(f.who.answer(f.api, "team/app", f.scope, f.bearer(registry), "", impatient), waiting);
  const test::stopwatch watch;
  while (registry.count("/token") == 0 && watch.elapsed() < 10s) f.loop.run_for(5ms);
  impatient.request_stop();
  f.loop.poll();
  REQUIRE(waiting);
  test::must_fail(*waiting, errc::cancelled);
  CHECK_FALSE(fetching);
  f.stop.request_stop();
  f.loop.drain();
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

TEST_CASE("a token is renewed before it expires") {
  test::fake_registry registry(bearer_for("", "", 60s));
  fixture f;
  const std::string first = test::must(f.answer(f.bearer(registry)));
  CHECK(test::must(f.authorization()) == first);
  test::scripted_server server(
      {test::answers({"HTTP/1.1 200 OK\r\nContent-Length: 71\r\n\r\n"
                      R"({"token":"old","expires_in":60,"issued_at":"2001-01-01T00:00:00Z"}     )",
                      "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"token\":\"new\"}"})});
  const auto realm = "http://127.0.0.1:" + std::to_string(server.port()) + "/token";
  CHECK(test::must(f.answer(f.bearer(realm))) == "Bearer old");
  // A clock that is off by years says nothing about the token's life: it is still good.
  CHECK(test::must(f.authorization()) == "Bearer old");
  CHECK(test::must(f.answer(f.bearer(realm), "Bearer old")) == "Bearer new");
}

TEST_CASE("a refused token is replaced once for all who carried it") {
  test::fake_registry registry(bearer_for("", ""));
  fixture f;
  const std::string old = test::must(f.answer(f.bearer(registry)));
  std::vector<std::optional<result<std::string>>> answers(5);
  for (auto& one : answers) f.loop.spawn(f.answering(f.bearer(registry), old), one);
  f.loop.drain();
  for (const auto& one : answers) {
    REQUIRE(one);
    CHECK(test::must(*one) != old);
  }
  CHECK(registry.count("/token") == 2);
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

TEST_CASE("repositories with credentials of their own share no token, though the names are the same") {
  struct by_repository final : credential_source {
    std::optional<credential> find(const std::string&, const std::string& repository, diagnostics&) override {
      return credential{"alice", repository == "team/app" ? "secret" : "wrong", "", "the test"};
    }
  };
  test::fake_registry registry(bearer_for("alice", "secret"));
  fixture f(std::make_shared<by_repository>());
  CHECK(test::must(f.answer(f.bearer(registry))).starts_with("Bearer "));
  const auto other = f.loop.run(f.who.answer(f.api, "team/other", f.scope, f.bearer(registry), "", f.stop));
  test::must_fail(other, errc::unauthorized);
  CHECK(registry.count("/token") == 2);
}

TEST_CASE("a token that was given in place of a password is sent as it is, until it is refused") {
  const auto source = std::make_shared<one_credential>(credential{"", "", "", "the test", "ready-made"});
  fixture f(source);
  const auto challenges = f.bearer("https://token.test/token");
  CHECK(test::must(f.answer(challenges)) == "Bearer ready-made");
  CHECK(test::must_fail(f.answer(challenges, "Bearer ready-made"), errc::unauthorized).text.message().find("ready-made") ==
        std::string::npos);
  f.api = test::must(http::endpoint_of("registry.test", "http"));
  test::must_fail(f.answer(challenges), errc::insecure_transport);
}

TEST_CASE("a token is asked for with the rights of the request, also when the challenge names fewer") {
  test::fake_registry registry(bearer_for("", ""));
  fixture f;
  test::must(f.loop.run(f.who.answer(f.api, "team/app", "repository:team/app:pull,push", f.bearer(registry), "", f.stop)));
  CHECK(registry.requests("/token").front().target.find("scope=repository%3Ateam%2Fapp%3Apull%2Cpush") != std::string::npos);
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

TEST_CASE("a refresh token is posted, never part of a URL") {
  std::string seen;
  test::scripted_server server({[&seen](test::socket_handle& connection) {
    seen = test::receive_head(connection);
    while (seen.find("refresh_token=") == std::string::npos) {
      const std::string more = connection.receive(4096);
      if (more.empty()) return;
      seen += more;
    }
    connection.send("HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"access_token\":\"opaque\"}");
    test::await_end(connection);
  }});
  {
    fixture f(refresh_token("very-secret"));
    CHECK(test::must(f.answer(f.bearer("http://127.0.0.1:" + std::to_string(server.port()) + "/token"))) == "Bearer opaque");
  }
  CHECK(seen.starts_with("POST /token HTTP/1.1\r\n"));
  CHECK(seen.find("grant_type=refresh_token") != std::string::npos);
  CHECK(seen.find("refresh_token=very-secret") > seen.find("\r\n\r\n"));
}

TEST_CASE("a refresh token is not carried along to another origin") {
  test::scripted_server thief({test::answers({"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"token\":\"bad\"}"})});
  const std::string elsewhere = "http://127.0.0.1:" + std::to_string(thief.port()) + "/steal";
  test::scripted_server server(
      {test::answers({"HTTP/1.1 307 Temporary Redirect\r\nLocation: " + elsewhere + "\r\nContent-Length: 0\r\n\r\n"})});
  fixture f(refresh_token("very-secret"));
  const auto outcome = f.answer(f.bearer("http://127.0.0.1:" + std::to_string(server.port()) + "/token"));
  CHECK(test::must_fail(outcome, errc::redirect_refused).text.message().find("very-secret") == std::string::npos);
  CHECK(thief.connections() == 0);
}

TEST_CASE("an answer without a token is malformed, and an endless redirect ends") {
  test::scripted_server empty({test::answers({"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"})});
  fixture f;
  test::must_fail(f.answer(f.bearer("http://127.0.0.1:" + std::to_string(empty.port()) + "/token")), errc::malformed_document);
  test::fake_registry registry(bearer_for("", ""));
  registry.inject("/token", test::redirect_to("{self}"), 1, 0);
  test::must_fail(f.answer(f.bearer(registry)), errc::redirect_refused);
  CHECK(registry.count("/token") <= 11);
}

}  // namespace
}  // namespace gantry::registry
