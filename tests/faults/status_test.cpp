// Statuses other than the one that is wanted, redirects, and answers that are not HTTP.
#include "faults/served.hpp"

#include "support/catch.hpp"

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

TEST_CASE("server errors are retried", "[faults]") {
  served s;
  const unsigned status = GENERATE(408U, 499U, 500U, 502U, 503U, 504U, 522U, 524U);
  s.registry.inject("/manifests/", answer_with(status));
  s.registry.inject(s.layer().digest, answer_with(status), 1, 2);
  const pull_report report = s.pulls.pull();
  INFO(status << ": " << report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count("/manifests/") == 2);
  CHECK(s.registry.count(s.layer().digest) == 3);
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a server error that stays ends the pull after the attempts", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, answer_with(500, {}, R"({"errors":[{"code":"UNKNOWN","message":"the disk is on fire"}]})"), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::failed));
  CHECK(s.registry.count(s.layer().digest) == s.pulls.settings.attempts);
  CHECK(report.text.server_message().find("the disk is on fire") != std::string::npos);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a missing blob is not retried", "[faults]") {
  served s;
  s.registry.drop_blob(s.layer().digest);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::not_found));
  CHECK(s.registry.count(s.layer().digest) == 1);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a 403 is not retried and is not authorised", "[faults]") {
  served s;
  s.registry.inject("/manifests/", answer_with(403), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::not_authorised));
  CHECK(s.registry.count("/manifests/") == 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("Retry-After is kept to", "[faults]") {
  served s;
  s.registry.inject("/manifests/", too_many_requests("1"));
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(report.took >= 1s);
  CHECK(s.registry.count("/manifests/") == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a Retry-After beyond the budget fails at once", "[faults]") {
  served s;
  s.registry.inject("/manifests/", too_many_requests("86400"), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::rate_limited));
  CHECK(report.took < 60s);
  CHECK(s.registry.count("/manifests/") == 1);
  s.pulls.forget_waits();
  s.pulls.heals(s.registry);
}

TEST_CASE("a 429 without Retry-After is retried", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, too_many_requests(""));
  CHECK_FALSE(s.pulls.pull().ec);
  CHECK(s.registry.count(s.layer().digest) == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a redirect within the registry is followed", "[faults]") {
  served s;
  s.registry.inject("/v2/team/app/blobs/" + s.layer().digest,
                    redirect_to("/v2/team/mirror/blobs/" + s.layer().digest, GENERATE(301U, 302U, 303U, 307U, 308U)), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count("/v2/team/mirror/") == 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("a redirect loop ends the pull", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, redirect_to("{self}"), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  CHECK(report.text.message().find("redirect") != std::string::npos);
  CHECK(s.registry.count(s.layer().digest) <= 11 * s.pulls.settings.attempts);
  CHECK(report.took < 60s);
  s.pulls.heals(s.registry);
}

TEST_CASE("redirects to other schemes and to link-local addresses are refused", "[faults]") {
  served s;
  const std::string location =
      GENERATE("file:///etc/passwd", "ftp://127.0.0.1/blob", "http://169.254.169.254/latest/meta-data", "http://user@",
               "http://[::ffff:169.254.169.254]/latest", "http://2852039166/latest", "//10.0.0.1/blob");
  s.registry.inject(s.layer().digest, redirect_to(location), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(location << ": " << report.text.message());
  // Refused before anything is sent: a connection that fails would be another error.
  CHECK(report.ec == errc::redirect_refused);
  CHECK(report.took < 60s);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a redirect that leads nowhere is asked for anew", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, redirect_to("http://127.0.0.1:" + std::to_string(unused_port()) + "/gone"));
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  s.pulls.heals(s.registry);
}

TEST_CASE("an answer that is not HTTP is an error with its name", "[faults]") {
  served s;
  s.pulls.settings.budget = 2s;
  s.registry.inject("/manifests/", not_http(), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::failed));
  CHECK(report.text.message().find(s.registry.host()) != std::string::npos);
  s.pulls.heals(s.registry);
}

TEST_CASE("a header block above its cap is refused", "[faults]") {
  served s;
  s.pulls.settings.budget = 2s;
  s.registry.inject("/manifests/", header_of(100'000), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  CHECK(report.took < 60s);
  s.pulls.heals(s.registry);
}

TEST_CASE("a header block within its cap is accepted", "[faults]") {
  served s;
  s.registry.inject("/manifests/", header_of(20'000), 1, 0);
  CHECK_FALSE(s.pulls.pull().ec);
  s.pulls.heals(s.registry);
}

TEST_CASE("nobody listening ends the pull when the budget is used up", "[faults]") {
  std::uint16_t port = 0;
  {
    fake_registry gone;
    port = gone.port();
  }
  served s;
  s.registry.inject(s.layer().digest, redirect_to("http://127.0.0.1:" + std::to_string(port) + "/"), 1, 0);
  s.pulls.settings.budget = 1s;
  const pull_report report = s.pulls.pull();
  CHECK(report.ec == make_error_condition(condition::failed));
  CHECK(report.took < 60s);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}
