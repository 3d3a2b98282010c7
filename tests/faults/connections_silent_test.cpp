// Requests that nobody answers, and connections that fall silent or crawl.
#include "faults/spread.hpp"
#include "support/catch.hpp"

#include <gantry/credentials.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

TEST_CASE("a connection that falls silent is replaced long before anybody gives it up", "[faults]") {
  spread s;
  // Also the last one, while the others have nothing to do.
  s.pulls.settings.timeouts.idle = std::chrono::minutes(5);
  const std::uint64_t after = GENERATE(1'000'000u, 2'900'000u);
  s.registry.inject(s.layer().digest, stall_after(after), 3, 1);
  s.slow_down();
  done_within(s, 60s);
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("several connections of a blob that fall silent are replaced, each as soon as one alone would be", "[faults]") {
  spread s;
  s.pulls.settings.timeouts.idle = std::chrono::minutes(5);
  // Not the probe; some of those that take over as well.
  for (const unsigned which : {2u, 4u, 6u, 8u, 9u, 11u, 13u}) s.registry.inject(s.layer().digest, stall_after(100'000), which, 1);
  done_within(s, 60s);
  CHECK(s.connections() > 1);
  CHECK(s.registry.count(s.layer().digest) <= 40);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a small layer whose connection falls silent or crawls is asked for over another", "[faults]") {
  spread s;
  s.pulls.settings.timeouts.idle = std::chrono::minutes(5);
  image_recipe recipe;
  recipe.layers = {700'000, 600'000, 500'000, 400'000};
  const test_image small = build_image(recipe);
  s.registry.hold("team/app", "1.0", small);
  const bool crawls = GENERATE(false, true);
  s.registry.inject(small.layers[2].digest, crawls ? drip_of(100, 100ms) : stall_after(150'000), 1, 1);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(report.took < 60s);
  s.pulls.heals(s.registry);
}

TEST_CASE("a request that nobody answers holds up its own segment alone", "[faults]") {
  spread s;
  const unsigned which = GENERATE(1u, 3u);
  CAPTURE(which);
  s.registry.inject(s.layer().digest, no_answer(), which, 1);
  s.slow_down();
  done_within(s, 60s);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("the first request of a blob is made again long before anybody gives it up", "[faults]") {
  spread s;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = std::chrono::minutes(10);
  const unsigned unanswered = GENERATE(1u, 2u);
  CAPTURE(unanswered);
  s.registry.inject(s.layer().digest, no_answer(), 1, unanswered);
  const pull_report report = done_within(s, 90s);
  // An attempt is what ends with a failure; a request that is made once more is none.
  CHECK(report.count<retry_scheduled>() == 0);
  s.pulls.heals(s.registry);
}

TEST_CASE("a document that nobody sends is asked for again within seconds", "[faults]") {
  spread s;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  const bool manifest = GENERATE(true, false);
  const std::string which = manifest ? "/manifests/1.0" : s.image.config.digest;
  CAPTURE(which);
  s.registry.inject(which, no_answer(), 1, 1);
  const pull_report report = done_within(s, 60s);
  CHECK(report.took >= 7s);
  CHECK(s.registry.count(which) == 2);
  CHECK(report.count<retry_scheduled>() == 0);
  s.pulls.heals(s.registry);
}

TEST_CASE("the only connection gives up a request that nobody answers, and waits longer for the next", "[faults]") {
  spread s;
  s.pulls.settings.jobs = 1;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = std::chrono::minutes(10);
  s.pulls.settings.backoff = 300ms;  // the registry needs a moment to see that a connection has ended
  s.registry.inject(s.layer().digest, no_answer(), 1, 1);
  // As long as the first was given, and more.
  s.registry.inject(s.layer().digest, late_by(10s), 2, 1);
  const pull_report report = done_within(s, 60s);
  CHECK(report.took >= 18s);
  CHECK(s.registry.count(s.layer().digest) == 2);
  CHECK(report.count<retry_scheduled>() == 1);
  CHECK(s.registry.most_open() == 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("the budget ends a pull whose only connection is never answered", "[faults]") {
  spread s;
  s.pulls.settings.jobs = 1;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = 3s;
  s.registry.inject(s.layer().digest, no_answer(), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec);
  CHECK(report.took < 40s);
  CHECK(s.registry.count(s.layer().digest) == 1);
  CHECK(report.text.message().find(s.registry.host() + " has not answered a request for blob " + s.layer().digest.substr(7, 12)) !=
        std::string::npos);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a storage that never answers the only connection is named", "[faults]") {
  fake_registry_options options;
  options.redirect_blobs = true;
  fake_registry registry(options);
  registry.hold("team/app", "1.0", spread_image());
  const std::string& digest = spread_image().layers[1].digest;
  registry.inject("/storage/" + digest, no_answer(), 1, 0);
  puller pulls(registry);
  pulls.settings.timeouts.header = std::chrono::minutes(5);
  pulls.settings.budget = 3s;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec);
  CHECK(report.took < 40s);
  CHECK(report.text.message().find("127.0.0.1:" + std::to_string(registry.storage_port()) + ", where " + registry.host() + " keeps blob " +
                                   digest.substr(7, 12) + ", has not answered within ") != std::string::npos);
  pulls.heals(registry);
}

TEST_CASE("the only connection waits for a helper that takes its time, and asks it once", "[faults]") {
  struct slow_helper final : credential_source {
    std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return std::nullopt; }
    std::optional<credential> find_until(const std::string&, const std::string&, diagnostics&, const std::stop_token& stop) override {
      ++asked;
      // A request that nobody answers is given up after eight seconds.
      const auto end = std::chrono::steady_clock::now() + 9500ms;
      while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(50ms);
      return credential{"jane", "secret", "", "the test"};
    }
    std::atomic<unsigned> asked = 0;
  };
  spread s;
  s.pulls.settings.jobs = 1;
  const auto helper = std::make_shared<slow_helper>();
  s.pulls.settings.credentials = helper;
  s.registry.inject(s.layer().digest, answer_with(401, {{"WWW-Authenticate", "Basic realm=\"x\""}}), 1, 1);
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took >= 9s);
  CHECK(helper->asked == 1);
  CHECK(s.registry.count(s.layer().digest) == 2);
  CHECK(report.count<retry_scheduled>() == 0);
  s.pulls.heals(s.registry);
}

TEST_CASE("a mirror that never answers the only connection is left for the registry", "[faults]") {
  spread s;
  fake_registry mirror;
  mirror.hold("team/app", "1.0", s.image);
  mirror.inject(s.layer().digest, no_answer(), 1, 0);
  s.pulls.settings.jobs = 1;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.mirrors.push_back({s.registry.host(), "http://" + mirror.host()});
  done_within(s, 40s);
  CHECK(mirror.count(s.layer().digest) == 1);
  CHECK(s.registry.count(s.layer().digest) == 1);
  s.pulls.heals({&s.registry, &mirror});
}

TEST_CASE("one of many layers whose first request nobody answers is asked for again", "[faults]") {
  fake_registry registry;
  image_recipe recipe;
  for (std::size_t i = 0; i < 16; ++i) recipe.layers.push_back(300'000 + i);
  const test_image image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  registry.inject(image.layers[11].digest, no_answer(), 1, 1);
  puller pulls(registry);
  pulls.settings.jobs = 8;
  pulls.settings.timeouts.header = std::chrono::minutes(5);
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(report.took < 60s);
  CHECK(registry.count(image.layers[11].digest) >= 2);
  CHECK(registry.count(image.layers[11].digest) <= 4);
  CHECK(pulls.leftovers() == "");
  pulls.heals(registry);
}

TEST_CASE("an address whose renewal nobody answers is asked for by another of eight connections", "[faults]") {
  spread s;
  s.registry.inject(s.path(), no_answer(), 2, 1);
  s.deliver_elsewhere();
  // A storage that has moved says so whoever comes.
  s.registry.inject(spread::delivery, s.moved_on(), 3, 1);
  s.slow_delivery();
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  done_within(s, 60s);
  CHECK(s.registry.count(s.path()) == 3);
  s.pulls.heals(s.registry);
}

TEST_CASE("when eight requests at a time are without an answer they are made again", "[faults]") {
  spread s;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.registry.inject(s.layer().digest, no_answer(), 2, 8);
  s.slow_down();
  done_within(s, 60s);
  s.pulls.heals(s.registry);
}

TEST_CASE("a connection that crawls is not waited for", "[faults]") {
  spread s;
  // Alone it would take hours: a kilobyte ten times per second.
  s.registry.inject(s.layer().digest, drip_of(1024, 100ms), 3, 1);
  s.slow_down();
  done_within(s, 60s);
  CHECK(s.connections() > 1);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}
