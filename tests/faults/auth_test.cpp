// Authentication: who is asked, what is sent where, and what happens when it fails.
#include "faults/alone.hpp"
#include "faults/one_credential.hpp"
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <memory>
#include <utility>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

struct served {
  explicit served(fake_registry_options options, const std::string& password = "secret") : registry(std::move(options)) {
    registry.hold("team/app", "1.0", image);
    pulls.settings.credentials = std::make_shared<one_credential>("jane", password);
  }
  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};

  std::size_t tokens() const { return registry.count("/token"); }
  void check_storage_saw_no_secrets() const {
    for (const recorded_request& request : registry.requests()) {
      if (request.at == fake_origin::storage) CHECK(request.header("authorization") == "");
      if (request.at == fake_origin::registry) CHECK_FALSE(request.header("authorization").starts_with("Basic"));
    }
  }
};

fake_registry_options with_tokens(bool redirect = false) { return {fake_auth::bearer, "jane", "secret", 300s, redirect}; }

}  // namespace

TEST_CASE("Basic credentials are sent to a registry that asks for them", "[faults]") {
  served s({fake_auth::basic, "jane", "secret", 300s, false});
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.requests().front().header("authorization") == "");
}

TEST_CASE("one token serves a whole pull", "[faults]") {
  served s(with_tokens());
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.tokens() == 1);
  CHECK(s.registry.requests("/token").front().target.find("scope=repository%3Ateam%2Fapp%3Apull") != std::string::npos);
}

TEST_CASE("a registry that gives tokens to everybody needs no credentials", "[faults]") {
  served s({fake_auth::bearer, "", "", 300s, false});
  s.pulls.settings.credentials = nullptr;
  CHECK_FALSE(s.pulls.pull().ec);
  CHECK(s.registry.requests("/token").front().header("authorization") == "");
}

TEST_CASE("Authorization never reaches the storage that blobs are redirected to", "[faults]") {
  served s(with_tokens(true));
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count("/storage/") >= 3);
  s.check_storage_saw_no_secrets();
  CHECK(s.pulls.leftovers() == "");
}

TEST_CASE("an expired storage link is renewed at the registry", "[faults]") {
  served s(with_tokens(true));
  const std::string target = "/storage/" + s.image.layers[1].digest;
  s.registry.inject(target, truncate_after(1'000'000), 1, 1);
  s.registry.inject(target, answer_with(GENERATE(401U, 403U, 400U, 404U, 410U)), 2, 1);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count("/blobs/" + s.image.layers[1].digest) >= 2);
  s.check_storage_saw_no_secrets();
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("sixteen ranges whose storage link expires have it renewed once", "[faults]") {
  fake_registry_options options = with_tokens(true);
  options.first_link_serves = 16;
  served s(options);
  image_recipe recipe;
  recipe.layers = {64'000'000};
  const test_image large = build_image(recipe);
  const std::string& digest = large.layers[0].digest;
  s.registry.hold("team/large", "1.0", large);
  s.registry.inject("/storage/" + digest, truncate_after(500'000), 1, 16);
  s.pulls.settings.jobs = 16;
  const pull_report report = s.pulls.pull("team/large:1.0");
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count("/blobs/" + digest) == 2);
  s.check_storage_saw_no_secrets();
  s.pulls.heals(s.registry);
}

TEST_CASE("a token service that leaves a request without an answer is asked again within seconds", "[faults]") {
  served s(with_tokens());
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = std::chrono::minutes(10);
  s.pulls.settings.jobs = GENERATE(1u, 4u);
  // The first token of all, and the one in place of one that became worthless.
  const unsigned unanswered = GENERATE(1u, 2u);
  CAPTURE(s.pulls.settings.jobs, unanswered);
  s.registry.inject("/token", no_answer(), unanswered, 1);
  bool revoked = false;
  const pull_report report = s.pulls.pull("team/app:1.0", [&](const event& e) {
    if (unanswered == 2 && !revoked && std::holds_alternative<transfer_planned>(e)) {
      revoked = true;
      s.registry.revoke_tokens();
    }
  });
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.tokens() >= 2);
  CHECK(report.took >= 4s);
  CHECK(report.took < 40s);
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a token that became worthless is renewed", "[faults]") {
  served s(with_tokens());
  s.registry.inject("/blobs/" + s.image.layers[1].digest, truncate_after(1'000'000), 1, 1);
  bool revoked = false;
  const pull_report report = s.pulls.pull("team/app:1.0", [&](const event& e) {
    if (!revoked && std::holds_alternative<transfer_planned>(e)) {
      revoked = true;
      s.registry.revoke_tokens();
    }
  });
  INFO(report.text.message());
  CHECK(revoked);
  CHECK_FALSE(report.ec);
  CHECK(s.tokens() == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a 401 in the middle is answered with a new token", "[faults]") {
  served s(with_tokens());
  s.registry.inject("/blobs/" + s.image.layers[0].digest,
                    answer_with(401, {{"WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:" + std::to_string(s.registry.token_port()) +
                                                               "/token\",service=\"fake registry\",scope=\"repository:team/app:pull\""}}));
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.tokens() == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a wrong password is not tried over and over", "[faults]") {
  const fake_auth kind = GENERATE(fake_auth::basic, fake_auth::bearer);
  served s({kind, "jane", "secret", 300s, false}, "wrong");
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::not_authorised));
  CHECK(s.registry.count() <= 4);
  CHECK(report.text.message().find("wrong") == std::string::npos);
  CHECK(report.took < 60s);
  s.pulls.settings.credentials = std::make_shared<one_credential>("jane", "secret");
  s.pulls.heals(s.registry);
}

TEST_CASE("a realm on another machine's private address is refused", "[faults]") {
  served s(with_tokens());
  s.registry.inject("/manifests/", answer_with(401, {{"WWW-Authenticate", R"(Bearer realm="http://169.254.169.254/token",service="x")"}}),
                    1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  CHECK(s.tokens() == 0);
  CHECK(report.took < 60s);
  s.pulls.heals(s.registry);
}

TEST_CASE("a token service in trouble is asked again", "[faults]") {
  served s(with_tokens());
  s.registry.inject("/token", answer_with(503));
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.tokens() == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that hides what nobody may see is asked for its challenge once", "[faults]") {
  served s({GENERATE(fake_auth::hidden, fake_auth::silent), "jane", "secret", 300s, false});
  // One connection: who asks for the challenge may not wait for the one that the refusal came over.
  s.pulls.settings.jobs = GENERATE(1U, 8U);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  std::size_t bases = 0;
  for (const recorded_request& one : s.registry.requests()) bases += one.target == "/v2/" ? 1 : 0;
  CHECK(bases == 1);
  CHECK(s.registry.count("/manifests/1.0") == 2);
}

TEST_CASE("who has no login is told at once that something was not found, and an open registry is asked no more than once", "[faults]") {
  SECTION("nobody") {
    served s({fake_auth::hidden, "jane", "secret", 300s, false});
    s.pulls.settings.credentials = nullptr;
    CHECK(s.pulls.pull().ec == errc::not_found);
    CHECK(s.registry.count() == 1);
  }
  SECTION("a login that an open registry has no use for") {
    served s({fake_auth::none, "", "", 300s, false});
    CHECK(s.pulls.pull("team/app:absent").ec == errc::not_found);
    CHECK(s.registry.count("/manifests/absent") == 2);
    CHECK(s.registry.count() == 3);
    for (const recorded_request& one : s.registry.requests()) CHECK(one.header("authorization").empty());
  }
  SECTION("a login that is wrong") {
    served s({fake_auth::hidden, "jane", "secret", 300s, false}, "other");
    const pull_report report = s.pulls.pull();
    INFO(report.text.message());
    CHECK(report.ec);
    CHECK(s.registry.count() <= 4);
  }
}

TEST_CASE("who is asked in clear text and hangs up without a word may speak TLS, which is said", "[faults]") {
  served s({fake_auth::none, "", "", 300s, false});
  s.registry.inject("/v2/", hang_up(), 1, 0);
  s.pulls.settings.budget = 1s;
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == errc::connection_lost);
  CHECK(report.text.message().find("it may speak TLS: then leave out --plain-http") != std::string::npos);
  CHECK(report.text.message().find("it may speak TLS") == report.text.message().rfind("it may speak TLS"));
  s.pulls.heals(s.registry);
}

TEST_CASE("a HEAD that is refused without a challenge is asked again as GET", "[faults]") {
  served s({fake_auth::none, "", "", 300s, false});
  s.pulls.settings.credentials = nullptr;
  s.registry.inject("/manifests/1.0", answer_with(401), 1, 1);
  diagnostics text;
  error_code ec;
  const reference name = reference::parse(s.registry.host() + "/team/app:1.0", ec);
  REQUIRE_FALSE(ec);
  ec = run_alone<digest_result>(s.pulls.settings,
                                [&](engine& one, auto done) { one.async_digest(name, digest_options(), text, std::move(done)); });
  INFO(text.message());
  CHECK_FALSE(ec);
  CHECK(s.registry.requests().front().method == "HEAD");
  CHECK(s.registry.requests().back().method == "GET");
}

TEST_CASE("what a token service says of itself is no word about the image", "[faults]") {
  served s(with_tokens());
  const bool absent = GENERATE(true, false);
  const fault said =
      absent ? answer_with(404, {{"Content-Type", "text/html"}}, "<html>") : answer_with(200, {{"Content-Type", "text/html"}}, "<html>");
  s.registry.inject("/token", said, 1, 0);
  s.pulls.settings.budget = 1s;
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec == (absent ? errc::unexpected_status : errc::protocol_error));
  CHECK(report.text.message().find("127.0.0.1:" + std::to_string(s.registry.token_port())) != std::string::npos);
  if (!absent) CHECK(report.text.message().find("text/html") != std::string::npos);
  s.pulls.heals(s.registry);
}
