// How many connections there may be, how much they may bring, and when.
#include "faults/spread.hpp"
#include "support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

/// How many requests a registry had got at which time.
class request_clock {
 public:
  explicit request_clock(const fake_registry& registry) : thread_([this, &registry] { watch(registry); }) {}
  request_clock(const request_clock&) = delete;
  request_clock& operator=(const request_clock&) = delete;
  ~request_clock() { stop(); }

  void stop() {
    over_ = true;
    if (thread_.joinable()) thread_.join();
  }

  /// Only after \ref stop.
  std::size_t count_at(clock_type::time_point when) const {
    std::size_t count = 0;
    for (const auto& [time, seen] : samples_) {
      if (time <= when) count = seen;
    }
    return count;
  }

 private:
  void watch(const fake_registry& registry) {
    while (!over_) {
      samples_.emplace_back(clock_type::now(), registry.count());
      std::this_thread::sleep_for(10ms);
    }
  }

  std::vector<std::pair<clock_type::time_point, std::size_t>> samples_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

}  // namespace

TEST_CASE("Retry-After for one of eight connections is kept to by all", "[faults]") {
  spread s;
  s.registry.inject(s.layer().digest, too_many_requests("1"), 4, 1);
  s.slow_down();
  std::optional<clock_type::time_point> told;
  request_clock requests(s.registry);
  const pull_report report = s.pulls.pull("team/app:1.0", [&](const event& e) {
    if (std::holds_alternative<retry_scheduled>(e) && !told) told = clock_type::now();
  });
  requests.stop();
  check_done(s, report);
  CHECK(report.took >= 1s);
  REQUIRE(told.has_value());
  // What was on its way when the answer came may still arrive.
  const std::size_t sent_before = requests.count_at(*told + 100ms);
  CHECK(requests.count_at(*told + 950ms) == sent_before);
  CHECK(s.registry.count() > sent_before);
  CHECK(s.connections() > 1);
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("a host is asked over no more connections than it may have", "[faults]") {
  spread s;
  s.pulls.settings.max_per_host = GENERATE(1u, 3u);
  s.slow_down();
  check_done(s, s.pulls.pull());
  CHECK(s.connections() <= s.pulls.settings.max_per_host);
  if (s.pulls.settings.max_per_host > 1) CHECK(s.connections() > 1);
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("a limited rate is not exceeded, whatever the number of connections", "[faults]") {
  fake_registry registry;
  const test_image image = app_image();
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  pulls.settings.jobs = GENERATE(1u, 8u);
  pulls.settings.limit_rate = 4'000'000;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  std::uint64_t bytes = 0;
  for (const test_blob& layer : image.layers) bytes += layer.bytes.size();
  // At the start a twentieth of a second is free, and the last grant of that size is used as soon as it is given.
  const auto least = std::chrono::milliseconds(bytes / 4'000 - 100);
  CHECK(report.took >= least);
  CHECK(pulls.leftovers() == "");
}

TEST_CASE("under a limit nothing that was sent is thrown away", "[faults]") {
  fake_registry registry;
  image_recipe recipe;
  recipe.layers = {3 << 20};
  const test_image image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  puller pulls(registry);
  pulls.settings.jobs = 8;
  pulls.settings.limit_rate = 1'000'000;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  const std::uint64_t layer = image.layers.front().bytes.size();
  CHECK(registry.body_sent("/blobs/" + image.layers.front().digest) <= layer + layer / 33);
}

TEST_CASE("a limited rate is used although the answers come in small pieces", "[faults]") {
  fake_registry registry;
  const test_image image = app_image();
  registry.hold("team/app", "1.0", image);
  // Each read brings a small part of what it may; without the rest being given back eight connections would need minutes.
  registry.inject("/blobs/", drip_of(2000, 1ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = GENERATE(1u, 8u);
  pulls.settings.limit_rate = 1'000'000;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  std::uint64_t bytes = 0;
  for (const test_blob& layer : image.layers) bytes += layer.bytes.size();
  CHECK(report.took >= std::chrono::milliseconds(bytes / 1000 - 100));
  CHECK(report.took <= std::chrono::milliseconds(bytes / 1000 * 3) + 5s);
  pulls.heals(registry);
}

TEST_CASE("429 and 503 lower the number of connections, other passing errors do not", "[faults]") {
  const unsigned status = GENERATE(429U, 503U, 500U, 502U, 408U);
  CAPTURE(status);
  spread s;
  s.pulls.settings.jobs = 0;
  // Before anything is served: of later ones that stand alone the controller finds out that they are chance.
  s.registry.inject(s.layer().digest, answer_with(status), 1, 4);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  const auto lowered = std::count_if(report.events.begin(), report.events.end(), [](const event& e) {
    const auto* change = std::get_if<concurrency_changed>(&e);
    return change != nullptr && change->reason == concurrency_reason::refused;
  });
  CHECK((lowered >= 1) == (status == 429 || status == 503));
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that counts open connections is served with those that it allows", "[faults]") {
  fake_registry_options options;
  options.most_connections = 4;
  fake_registry registry(options);
  const test_image& image = spread_image();
  registry.hold("team/app", "1.0", image);
  registry.inject("/blobs/", drip_of(65536, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 8;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  const std::vector<recorded_request> asked = registry.requests("/blobs/");
  const auto refused = std::count_if(asked.begin(), asked.end(), [](const recorded_request& one) { return one.status == 429; });
  CHECK(refused >= 1);
  CHECK(refused <= 60);
  CHECK(pulls.leftovers() == "");
  pulls.heals(registry);
}
