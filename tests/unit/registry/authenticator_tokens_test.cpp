// How tokens are had, shared, renewed and kept secret.
#include "registry/authenticator.hpp"

#include "support/scripted_server.hpp"
#include "unit/registry/authenticator_fixture.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {
namespace {

using fixture = authenticator_fixture;

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
  // Who comes right after them need not ask.
  test::must_fail(f.answer(f.bearer(registry)), errc::unauthorized);
  CHECK(registry.count("/token") == 1);
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

/// Whose requests are made again, or given up, within a second.
struct hasty_fixture : authenticator_fixture {
  explicit hasty_fixture(std::shared_ptr<credential_source> source = nullptr)
      : hasty(soon, workers, {"registry.test", std::move(source), false, true, nullptr, 200ms}) {}

  http::client soon{connections, http::exchange_limits{1s, 1s}, [](const http::origin&) { return net::tls_settings(); }};
  authenticator hasty;
};

TEST_CASE("a request for a token that nobody answers is made again, three times at most") {
  test::fake_registry registry(bearer_for("", ""));
  hasty_fixture f;
  const auto asking = [&] { return f.loop.run(f.hasty.answer(f.api, "team/app", f.scope, f.bearer(registry), "", f.stop)); };
  SECTION("the third is answered") {
    registry.inject("/token", test::no_answer(), 1, 2);
    CHECK(test::must(asking()).starts_with("Bearer "));
    const auto asked = registry.requests("/token");
    REQUIRE(asked.size() == 3);
    CHECK(asked[1].came - asked[0].came >= 180ms);
    CHECK(asked[2].came - asked[1].came >= 380ms);
    CHECK(asked[0].connection != asked[1].connection);
    CHECK(asked[1].connection != asked[2].connection);
  }
  SECTION("none is") {
    registry.inject("/token", test::no_answer(), 1, 0);
    const test::stopwatch watch;
    test::must_fail(asking(), errc::timed_out);
    CHECK(registry.count("/token") == 4);
    CHECK(watch.elapsed() >= 2300ms);  // the last waits as any request does
  }
  SECTION("an answer that comes in time is waited for") {
    registry.inject("/token", test::no_answer(), 1, 1);
    registry.inject("/token", test::late_by(100ms), 2, 1);
    CHECK(test::must(asking()).starts_with("Bearer "));
    CHECK(registry.count("/token") == 2);
  }
}

TEST_CASE("a refresh token that nobody answers is not sent a second time, for it may be good for one request") {
  test::fake_registry registry(bearer_for("", ""));
  hasty_fixture f(refresh_token("r"));
  registry.inject("/token", test::no_answer(), 1, 1);
  const test::stopwatch watch;
  test::must_fail(f.loop.run(f.hasty.answer(f.api, "team/app", f.scope, f.bearer(registry), "", f.stop)), errc::timed_out);
  CHECK(watch.elapsed() >= 900ms);  // it waits as any request does
  const auto asked = registry.requests("/token");
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].method == "POST");
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
  const auto source = std::make_shared<counted_credential>(credential{"", "", "", "the test", "ready-made"});
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
  test::must_fail(f.answer(f.bearer("http://127.0.0.1:" + std::to_string(empty.port()) + "/token")), errc::protocol_error);
  test::fake_registry registry(bearer_for("", ""));
  registry.inject("/token", test::redirect_to("{self}"), 1, 0);
  test::must_fail(f.answer(f.bearer(registry)), errc::redirect_refused);
  CHECK(registry.count("/token") <= 11);
}

}  // namespace
}  // namespace gantry::registry
