// One blob over eight connections, some of which fail.
#include "faults/puller.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

using clock_type = std::chrono::steady_clock;

/// Made once: hashing it takes a while in a build with sanitizers.
const test_image& large_image() {
  static const test_image image = [] {
    image_recipe recipe;
    recipe.layers = {20'000, std::size_t{24} << 20};
    return build_image(recipe);
  }();
  return image;
}

struct served {
  served() {
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 8;
  }

  fake_registry registry;
  const test_image& image = large_image();
  puller pulls{registry};
  const test_blob& layer() const { return image.layers[1]; }

  /// Makes every answer of the blob take long enough for others to be needed. What was injected before goes first.
  void slow_down() { registry.inject(layer().digest, drip_of(65536, 5ms), 1, 0); }

  std::size_t connections() const {
    std::set<unsigned> used;
    for (const recorded_request& request : registry.requests(layer().digest)) used.insert(request.connection);
    return used.size();
  }

  double times_sent() const { return static_cast<double>(registry.body_sent(layer().digest)) / static_cast<double>(layer().bytes.size()); }
};

void check_done(const served& s, const pull_report& report) {
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.pulls.leftovers() == "");
  const auto blob = s.pulls.store() / "blobs" / "sha256" / s.layer().digest.substr(7);
  REQUIRE(std::filesystem::exists(blob));
  CHECK(sha256_of_file(blob) == s.layer().digest);
}

std::string warnings(const pull_report& report) {
  std::string text;
  for (const event& e : report.events) {
    if (const auto* said = std::get_if<warning>(&e)) text += said->message + "\n";
  }
  return text;
}

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

TEST_CASE("eight connections share a blob without getting bytes twice", "[faults]") {
  served s;
  s.slow_down();
  check_done(s, s.pulls.pull());
  CHECK(s.connections() > 1);
  CHECK(s.connections() <= 12);  // on a busy machine some are replaced
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("a blob that always answers with a server error ends a pull of eight connections", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, answer_with(500), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec == make_error_condition(condition::failed));
  CHECK(s.registry.count(s.layer().digest) <= s.pulls.settings.attempts + 8);
  CHECK(s.pulls.leftovers(true) == "");
}

TEST_CASE("after a failure one of eight connections looks whether a blob answers again", "[faults]") {
  served s;
  // The first answer shows that ranges work and brings too little to count as progress.
  s.registry.inject(s.layer().digest, truncate_after(1000), 1, 1);
  s.registry.inject(s.layer().digest, answer_with(500), 2, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec == make_error_condition(condition::failed));
  // Those that began when ranges were seen to work, at most, and once more when bytes of the first answer come in after the first error;
  // then one at a time. Without that rule there are six attempts of each of the eight.
  CHECK(s.registry.count(s.layer().digest) <= s.pulls.settings.attempts + 2 * 8);
  CHECK(s.pulls.leftovers(true) == "");
}

TEST_CASE("Retry-After for one of eight connections is kept to by all", "[faults]") {
  served s;
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
}

TEST_CASE("one of eight connections that fails costs little and no byte", "[faults]") {
  served s;
  const std::string trouble = GENERATE("reset", "truncated", "stalled");
  INFO(trouble);
  s.registry.inject(s.layer().digest,
                    trouble == "reset"       ? reset_after(1'000'000)
                    : trouble == "truncated" ? truncate_after(1'000'000)
                                             : stall_after(1'000'000),
                    3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
  CHECK(s.registry.count(s.layer().digest) > 3);
  CHECK(s.connections() > 1);
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("a connection that falls silent is replaced long before anybody gives it up", "[faults]") {
  served s;
  // Also the last one, while the others have nothing to do.
  s.pulls.settings.timeouts.idle = std::chrono::minutes(5);
  const std::uint64_t after = GENERATE(1'000'000u, 2'900'000u);
  s.registry.inject(s.layer().digest, stall_after(after), 3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("several connections of a blob that fall silent are replaced, each as soon as one alone would be", "[faults]") {
  served s;
  s.pulls.settings.timeouts.idle = std::chrono::minutes(5);
  // Not the probe; some of those that take over as well.
  for (const unsigned which : {2u, 4u, 6u, 8u, 9u, 11u, 13u}) s.registry.inject(s.layer().digest, stall_after(100'000), which, 1);
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
  CHECK(s.connections() > 1);
  CHECK(s.registry.count(s.layer().digest) <= 40);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 2);
}

TEST_CASE("a small layer whose connection falls silent or crawls is asked for over another", "[faults]") {
  served s;
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
}

TEST_CASE("a host is asked over no more connections than it may have", "[faults]") {
  served s;
  s.pulls.settings.max_per_host = GENERATE(1u, 3u);
  s.slow_down();
  check_done(s, s.pulls.pull());
  CHECK(s.connections() <= s.pulls.settings.max_per_host);
  if (s.pulls.settings.max_per_host > 1) CHECK(s.connections() > 1);
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("a request that nobody answers holds up its own segment alone", "[faults]") {
  served s;
  const unsigned which = GENERATE(1u, 3u);
  CAPTURE(which);
  s.registry.inject(s.layer().digest, no_answer(), which, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("the first request of a blob is made again long before anybody gives it up", "[faults]") {
  served s;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = std::chrono::minutes(10);
  const unsigned unanswered = GENERATE(1u, 2u);
  CAPTURE(unanswered);
  s.registry.inject(s.layer().digest, no_answer(), 1, unanswered);
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 90s);
  // An attempt is what ends with a failure; a request that is made once more is none.
  CHECK(report.count<retry_scheduled>() == 0);
}

TEST_CASE("the only connection gives up a request that nobody answers, and waits longer for the next", "[faults]") {
  served s;
  s.pulls.settings.jobs = 1;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.budget = std::chrono::minutes(10);
  s.pulls.settings.backoff = 300ms;  // the registry needs a moment to see that a connection has ended
  s.registry.inject(s.layer().digest, no_answer(), 1, 1);
  // As long as the first was given, and more.
  s.registry.inject(s.layer().digest, late_by(10s), 2, 1);
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took >= 18s);
  CHECK(report.took < 60s);
  CHECK(s.registry.count(s.layer().digest) == 2);
  CHECK(report.count<retry_scheduled>() == 1);
  CHECK(s.registry.most_open() == 1);
}

TEST_CASE("the budget ends a pull whose only connection is never answered", "[faults]") {
  served s;
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
}

TEST_CASE("a mirror that never answers the only connection is left for the registry", "[faults]") {
  served s;
  fake_registry mirror;
  mirror.hold("team/app", "1.0", s.image);
  mirror.inject(s.layer().digest, no_answer(), 1, 0);
  s.pulls.settings.jobs = 1;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.pulls.settings.mirrors.push_back({s.registry.host(), "http://" + mirror.host()});
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 40s);
  CHECK(mirror.count(s.layer().digest) == 1);
  CHECK(s.registry.count(s.layer().digest) == 1);
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
}

TEST_CASE("an address whose renewal nobody answers is asked for by another of eight connections", "[faults]") {
  fake_registry registry;
  const test_image& image = large_image();
  const std::string& digest = image.layers[1].digest;
  registry.hold("team/app", "1.0", image);
  registry.inject("/v2/team/app/blobs/" + digest, no_answer(), 2, 1);
  registry.inject("/v2/team/app/blobs/" + digest, redirect_to("/v2/delivery/app/blobs/" + digest), 1, 0);
  // A storage that has moved says so whoever comes.
  registry.inject("/v2/delivery/", redirect_to("/v2/elsewhere/app/blobs/" + digest, 302), 3, 1);
  registry.inject("/v2/delivery/", drip_of(65536, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 8;
  pulls.settings.timeouts.header = std::chrono::minutes(5);
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(report.took < 60s);
  CHECK(registry.count("/v2/team/app/blobs/" + digest) == 3);
  CHECK(pulls.leftovers() == "");
}

TEST_CASE("when eight requests at a time are without an answer they are made again", "[faults]") {
  served s;
  s.pulls.settings.timeouts.header = std::chrono::minutes(5);
  s.registry.inject(s.layer().digest, no_answer(), 2, 8);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
}

TEST_CASE("a connection that crawls is not waited for", "[faults]") {
  served s;
  // Alone it would take hours: a kilobyte ten times per second.
  s.registry.inject(s.layer().digest, drip_of(1024, 100ms), 3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < 60s);
  CHECK(s.connections() > 1);
  // What lies in the buffers of a connection that is cut has been sent, too.
  CHECK(s.times_sent() <= 1.3);
}

TEST_CASE("a registry that ignores ranges is read by one of eight connections", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, range_ignored(), 1, 0);
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.layer().digest) == 1);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size());
}

TEST_CASE("one answer without ranges among many costs an attempt and leaves the blob to all connections", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, range_ignored(), 5, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.count<retry_scheduled>() == 1);
  CHECK(s.connections() > 1);
  CHECK(s.registry.count(s.layer().digest) > 5);
}

TEST_CASE("a redirect within a registry is asked for once for each blob", "[faults]") {
  fake_registry_options options;
  options.auth = GENERATE(fake_auth::none, fake_auth::bearer);
  fake_registry registry(options);
  const test_image& image = large_image();
  const std::string& digest = image.layers[1].digest;
  registry.hold("team/app", "1.0", image);
  registry.inject("/v2/team/app/blobs/" + digest, redirect_to("/v2/delivery/app/blobs/" + digest), 1, 0);
  registry.inject("/v2/delivery/", drip_of(65536, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 4;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(registry.count("/v2/team/app/blobs/" + digest) == 1);
  CHECK(registry.count("/v2/delivery/app/blobs/" + digest) >= 4);
  CHECK(pulls.leftovers() == "");
}

TEST_CASE("an address within a registry that expires or leads on is asked for anew", "[faults]") {
  const bool expires = GENERATE(true, false);
  CAPTURE(expires);
  fake_registry registry;
  const test_image& image = large_image();
  const std::string& digest = image.layers[1].digest;
  registry.hold("team/app", "1.0", image);
  registry.inject("/v2/team/app/blobs/" + digest, redirect_to("/v2/delivery/app/blobs/" + digest), 1, 0);
  registry.inject("/v2/delivery/", expires ? answer_with(403) : redirect_to("/v2/elsewhere/app/blobs/" + digest, 302), 3, 1);
  registry.inject("/v2/delivery/", drip_of(65536, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 4;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(registry.count("/v2/team/app/blobs/" + digest) == 2);
  CHECK(pulls.leftovers() == "");
}

TEST_CASE("a blob that eight connections get wrong once is fetched once more", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, wrong_byte_at(1000), 3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(warnings(report).find("fetching it once more") != std::string::npos);
  CHECK(s.connections() > 1);
  CHECK(s.times_sent() > 1.9);
  CHECK(s.times_sent() <= 2.6);
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
}

TEST_CASE("429 and 503 lower the number of connections, other passing errors do not", "[faults]") {
  const unsigned status = GENERATE(429U, 503U, 500U, 502U, 408U);
  CAPTURE(status);
  served s;
  s.pulls.settings.jobs = 0;
  s.registry.inject(s.layer().digest, answer_with(status), 3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  const auto lowered = std::count_if(report.events.begin(), report.events.end(), [](const event& e) {
    const auto* change = std::get_if<concurrency_changed>(&e);
    return change != nullptr && change->reason == concurrency_reason::refused;
  });
  CHECK((lowered >= 1) == (status == 429 || status == 503));
}

TEST_CASE("a registry that counts open connections is served with those that it allows", "[faults]") {
  fake_registry_options options;
  options.most_connections = 4;
  fake_registry registry(options);
  const test_image& image = large_image();
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
}

TEST_CASE("a partial file that was damaged on disk costs the pieces concerned", "[faults]") {
  constexpr std::uint64_t piece = std::uint64_t{4} << 20;
  constexpr std::uint64_t arrived = 22'000'000;
  served s;
  s.pulls.settings.jobs = 1;
  s.pulls.settings.budget = 700ms;
  s.registry.inject(s.layer().digest, stall_after(arrived), 1, 1);
  s.registry.inject(s.layer().digest, no_answer(), 2, 0);
  const pull_report broken = s.pulls.pull();
  REQUIRE(broken.ec);
  const auto data = s.pulls.store() / "ingest" / ("sha256-" + s.layer().digest.substr(7)) / "data";
  REQUIRE(std::filesystem::exists(data));

  std::string bytes = slurp(data);
  bytes[piece + 17] = static_cast<char>(bytes[piece + 17] ^ 1);
  bytes.replace(3 * piece + 8192, 4096, std::string(4096, '\0'));
  spill(data, bytes);
  s.registry.heal();
  s.registry.forget_requests();
  s.pulls.settings.budget = 20s;
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size() - arrived + 2 * piece);
}
