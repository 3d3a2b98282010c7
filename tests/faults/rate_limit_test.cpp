// Registries that ask for patience: what one operation learns holds for all, and for the next run.
#include "faults/one_credential.hpp"
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

struct limited {
  explicit limited(fake_registry_options options = {}) : registry(std::move(options)) { registry.hold("team/app", "1.0", image); }
  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};
};

std::string http_date(std::chrono::seconds from_now) {
  const std::time_t when = std::time(nullptr) + from_now.count();
  char text[64];
  std::tm parts{};
  gmtime_r(&when, &parts);
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

/// Runs \p count pulls of one engine at once. \returns how many succeeded.
unsigned pull_at_once(engine_options settings, const std::string& host, unsigned count, std::vector<error_code>& errors) {
  boost::asio::io_context context;
  unsigned good = 0;
  unsigned ended = 0;
  std::vector<diagnostics> texts(count);
  error_code ec;
  engine one(context.get_executor(), std::move(settings));
  for (unsigned i = 0; i < count; ++i) {
    const reference name = reference::parse(host + "/team/app:" + std::to_string(i), ec);
    pull_options options;
    options.platforms = {platform::parse("linux/amd64", ec)};
    one.async_pull(name, std::move(options), texts[i], [&](error_code failed, pull_result) {
      if (failed) errors.push_back(failed);
      good += failed ? 0 : 1;
      if (++ended == count) one.async_shutdown([](error_code) {});
    });
  }
  context.run_for(std::chrono::minutes(2));
  return good;
}

}  // namespace

TEST_CASE("fifty operations at once wait together and do not come back as a herd", "[faults]") {
  limited l;
  constexpr unsigned count = 50;
  for (unsigned i = 0; i < count; ++i) l.registry.hold("team/app", std::to_string(i), l.image);
  // As many as there are connections meet the refusal; whoever comes later is held back.
  l.pulls.settings.jobs = 16;
  l.registry.inject("/v2/", too_many_requests("2"), 1, 16);
  // The first to try again is answered slowly: time for a herd to come.
  l.registry.inject("/v2/", late_by(500ms), 17, 1);
  std::vector<error_code> errors;
  const unsigned good = pull_at_once(l.pulls.settings, l.registry.host(), count, errors);
  CHECK(good == count);
  unsigned refused = 0;
  for (const recorded_request& one : l.registry.requests()) refused += one.status == 429 ? 1 : 0;
  CHECK(refused == 16);
  const std::vector<recorded_request> all = l.registry.requests("/v2/");
  const auto trial = std::find_if(all.begin(), all.end(), [](const recorded_request& one) { return one.status != 429; });
  REQUIRE(trial != all.end());
  const auto beside = std::count_if(all.begin(), all.end(), [&](const recorded_request& one) {
    return &one != &*trial && one.came > trial->came && one.came < trial->answered;
  });
  CHECK(beside == 0);
  // One manifest for each, those that were refused once more, and each blob once: nobody asks again before he may.
  CHECK(l.registry.count("/manifests/") <= count + 16);
}

TEST_CASE("seconds and dates in Retry-After are kept to, a date of the past and none cost the usual pause", "[faults]") {
  limited l;
  const std::string where = GENERATE(std::string("/manifests/"), std::string("/blobs/"));
  const std::string when = GENERATE(std::string("seconds"), std::string("date"), std::string("past"), std::string(""));
  const std::string value = when == "seconds" ? "2" : when == "date" ? http_date(2s) : when == "past" ? http_date(-100s) : when;
  if (where == "/manifests/") {
    l.registry.inject(where, too_many_requests(value));
  } else {
    l.registry.inject(l.image.layers.front().digest, too_many_requests(value));
  }
  const pull_report report = l.pulls.pull();
  INFO(where << " " << when << ": " << report.text.message());
  CHECK_FALSE(report.ec);
  if (where == "/manifests/") CHECK(l.registry.count(where) == 2);
  // A date has whole seconds, so that nearly one of the two may be gone.
  CHECK(report.took >= (when == "seconds" ? 1900ms : when == "date" ? 900ms : 400ms));
  l.pulls.heals(l.registry);
}

TEST_CASE("a wait beyond the budget fails at once, with the time, wherever it is asked for", "[faults]") {
  const std::string where = GENERATE(std::string("/manifests/"), std::string("/blobs/"), std::string("/token"));
  fake_registry_options options;
  if (where == "/token") options.auth = fake_auth::bearer;
  limited l(options);
  l.registry.inject(where, too_many_requests("86400"), 1, 0);
  const pull_report report = l.pulls.pull();
  INFO(where << ": " << report.text.message());
  CHECK(report.ec == make_error_condition(condition::rate_limited));
  CHECK(report.text.message().find("UTC") != std::string::npos);
  CHECK(report.took < 60s);
  CHECK(l.registry.count(where) <= 2);
  l.pulls.forget_waits();
  l.pulls.heals(l.registry);
}

TEST_CASE("a token service that limits is waited for, too", "[faults]") {
  fake_registry_options options;
  options.auth = fake_auth::bearer;
  limited l(options);
  // Where it is not known yet that the registry speaks no TLS, its token service is met on the way.
  if (GENERATE(false, true)) l.pulls.settings.plain_http.clear();
  const std::string when = GENERATE(std::string("seconds"), std::string("date"), std::string("past"), std::string(""));
  const std::string value = when == "seconds" ? "2" : when == "date" ? http_date(2s) : when == "past" ? http_date(-100s) : when;
  l.registry.inject("/token", too_many_requests(value));
  const pull_report report = l.pulls.pull();
  INFO(when << ": " << report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(l.registry.count("/token") == 2);
  CHECK(report.took >= (when == "seconds" ? 1900ms : when == "date" ? 900ms : 400ms));
  l.pulls.heals(l.registry);
}

TEST_CASE("little that is left is told once, and a tag is asked by HEAD from then on, in later runs too", "[faults]") {
  limited l;
  l.registry.inject("/manifests/",
                    answer_with(429, {{"Retry-After", "1"}, {"ratelimit-limit", "100;w=21600"}, {"ratelimit-remaining", "0;w=21600"}}));
  const pull_report first = l.pulls.pull();
  INFO(first.text.message());
  REQUIRE_FALSE(first.ec);
  unsigned told = 0;
  for (const event& one : first.events) {
    const auto* said = std::get_if<warning>(&one);
    told += said != nullptr && said->message.find("0 of 100 requests left within 6 h") != std::string::npos ? 1 : 0;
  }
  CHECK(told == 1);
  l.registry.forget_requests();
  REQUIRE_FALSE(l.pulls.pull().ec);
  for (const recorded_request& one : l.registry.requests("/manifests/")) CHECK(one.method == "HEAD");
  CHECK(l.registry.count("/manifests/") == 1);
  // A tag that has moved is fetched.
  image_recipe other;
  other.layers = {5000};
  l.registry.hold("team/app", "1.0", build_image(other));
  const pull_report moved = l.pulls.pull();
  REQUIRE_FALSE(moved.ec);
  CHECK(moved.result.images.front().top.digest != first.result.images.front().top.digest);
}

TEST_CASE("the wait that a registry asked for holds for the next run, and hints have no secrets", "[faults]") {
  limited l;
  l.registry.inject("/manifests/", too_many_requests("3600"), 1, 0);
  CHECK(l.pulls.pull().ec == make_error_condition(condition::rate_limited));
  l.registry.forget_requests();
  const pull_report again = l.pulls.pull();
  CHECK(again.ec == make_error_condition(condition::rate_limited));
  CHECK(again.text.message().find("UTC") != std::string::npos);
  CHECK(l.registry.count() == 0);
  std::ifstream in(l.pulls.store() / "state/hints.json");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  CHECK(text.find(l.registry.host()) != std::string::npos);
  CHECK(text.find("token") == std::string::npos);
  l.pulls.forget_waits();
  l.pulls.heals(l.registry);
}

TEST_CASE("a wait that was told to nobody does not bind who logs in, and one that was told to a user is not kept", "[faults]") {
  limited l;
  l.registry.inject("/manifests/", too_many_requests("3600"), 1, 1);
  REQUIRE(l.pulls.pull().ec == make_error_condition(condition::rate_limited));
  const pull_report nobody = l.pulls.pull();
  CHECK(nobody.text.message().find("an earlier run") != std::string::npos);
  CHECK(nobody.text.message().find("gantry login") != std::string::npos);
  CHECK(l.registry.count() == 1);

  l.pulls.settings.credentials = std::make_shared<one_credential>("jane", "secret");
  const pull_report user = l.pulls.pull();
  INFO(user.text.message());
  CHECK_FALSE(user.ec);

  fake_registry_options options;
  options.auth = fake_auth::basic;
  options.username = "jane";
  options.password = "secret";
  limited other(options);
  other.pulls.settings.credentials = std::make_shared<one_credential>("jane", "secret");
  other.registry.inject("/manifests/", too_many_requests("3600"), 2, 1);
  REQUIRE(other.pulls.pull().ec == make_error_condition(condition::rate_limited));
  CHECK_FALSE(other.pulls.pull().ec);
}

TEST_CASE("hints that are damaged are no trouble", "[faults]") {
  limited l;
  REQUIRE_FALSE(l.pulls.pull().ec);
  spill(l.pulls.store() / "state/hints.json", "{\"hosts\": [");
  CHECK_FALSE(l.pulls.pull().ec);
}
