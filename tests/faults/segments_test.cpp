// What an operation tells about its requests for bytes of blobs.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <map>
#include <set>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

std::vector<segment_finished> segments_of(const pull_report& report) {
  std::vector<segment_finished> all;
  for (const event& one : report.events) {
    if (const auto* segment = std::get_if<segment_finished>(&one)) all.push_back(*segment);
  }
  return all;
}

std::uint64_t received_of(const std::vector<segment_finished>& segments, const std::string& digest) {
  std::uint64_t sum = 0;
  for (const segment_finished& one : segments) sum += one.digest.string() == digest ? one.received : 0;
  return sum;
}

struct served {
  explicit served(std::size_t layer) {
    image_recipe recipe;
    recipe.layers = {layer};
    image = build_image(recipe);
    registry.hold("team/app", "1.0", image);
  }
  const test_blob& layer() const { return image.layers.front(); }

  fake_registry registry;
  test_image image;
  puller pulls{registry};
};

}  // namespace

TEST_CASE("requests for blobs are told with range, host, connection and times", "[faults]") {
  served s(9'000'000);
  s.pulls.settings.jobs = 4;
  const pull_report report = s.pulls.pull();
  REQUIRE_FALSE(report.ec);
  const auto segments = segments_of(report);
  REQUIRE(segments.size() >= 2);
  CHECK(received_of(segments, s.layer().digest) >= s.layer().bytes.size());
  bool from_the_start = false;
  for (const segment_finished& one : segments) {
    CHECK(one.host == s.registry.host());
    CHECK_FALSE(one.mirror);
    CHECK(one.connection != 0);
    CHECK((one.end == segment_end::complete || one.end == segment_end::overtaken));
    CHECK(one.message.empty());
    REQUIRE(one.answered);
    CHECK(one.answered->count() >= 0);
    CHECK(one.elapsed >= *one.answered);
    CHECK(one.begun <= std::chrono::steady_clock::now());
    from_the_start = from_the_start || (one.offset == 0 && one.digest.string() == s.layer().digest);
  }
  CHECK(from_the_start);
}

TEST_CASE("requests one after the other are told to share their connection", "[faults]") {
  fake_registry registry;
  image_recipe recipe;
  recipe.layers = {1000, 2000, 3000};
  registry.hold("team/app", "1.0", build_image(recipe));
  puller pulls(registry);
  const pull_report report = pulls.pull();
  REQUIRE_FALSE(report.ec);
  std::set<std::uint64_t> connections;
  for (const segment_finished& one : segments_of(report)) connections.insert(one.connection);
  CHECK(connections.size() == 1);
}

TEST_CASE("a request that fails is told with its reason and what it brought", "[faults]") {
  served s(3'000'000);
  s.registry.inject(s.layer().digest, truncate_after(1'000'000));
  const pull_report report = s.pulls.pull();
  REQUIRE_FALSE(report.ec);
  const auto segments = segments_of(report);
  const auto failed = std::find_if(segments.begin(), segments.end(), [](const auto& one) { return one.end == segment_end::failed; });
  REQUIRE(failed != segments.end());
  CHECK(failed->received == 1'000'000);
  CHECK_FALSE(failed->message.empty());
  CHECK(std::count_if(segments.begin(), segments.end(), [](const auto& one) { return one.end == segment_end::failed; }) == 1);
  CHECK(received_of(segments, s.layer().digest) == s.layer().bytes.size());
  CHECK(report.count<retry_scheduled>() == 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("a request that nobody answers is told without an answer", "[faults]") {
  served s(3000);
  s.pulls.settings.timeouts.header = 300ms;
  s.registry.inject(s.layer().digest, no_answer());
  const pull_report report = s.pulls.pull();
  REQUIRE_FALSE(report.ec);
  const auto segments = segments_of(report);
  const auto failed = std::find_if(segments.begin(), segments.end(), [](const auto& one) { return one.end == segment_end::failed; });
  REQUIRE(failed != segments.end());
  CHECK_FALSE(failed->answered);
  CHECK(failed->received == 0);
  CHECK(failed->elapsed >= 300ms);
  s.pulls.heals(s.registry);
}

TEST_CASE("requests to mirrors are told as such", "[faults]") {
  served s(3'000'000);
  fake_registry mirror;
  mirror.hold("team/app", "1.0", s.image);
  s.pulls.settings.mirrors.push_back({s.registry.host(), "http://" + mirror.host()});
  const pull_report report = s.pulls.pull();
  REQUIRE_FALSE(report.ec);
  const auto segments = segments_of(report);
  REQUIRE_FALSE(segments.empty());
  for (const segment_finished& one : segments) {
    CHECK(one.mirror);
    CHECK(one.host == mirror.host());
  }
}

TEST_CASE("requests that the end of the operation cuts are told as stopped", "[faults]") {
  served s(3'000'000);
  s.registry.inject(s.layer().digest, truncate_after(1000), 1, 0);
  s.pulls.settings.budget = 500ms;
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  const auto segments = segments_of(report);
  REQUIRE_FALSE(segments.empty());
  CHECK(
      std::all_of(segments.begin(), segments.end(), [](const auto& one) { return one.end != segment_end::complete || one.length < 3000; }));
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that asks for less is told as the reason for fewer connections", "[faults]") {
  served s(20'000'000);
  s.pulls.settings.jobs = 0;
  s.registry.inject(s.layer().digest, drip_of(65536, 5ms), 1, 0);
  fake_registry* registry = &s.registry;
  bool refused = false;
  const pull_report report = s.pulls.pull("team/app:1.0", [&](const event& what) {
    if (std::holds_alternative<blob_progress>(what) && !refused) {
      refused = true;
      registry->heal();
      registry->inject(s.layer().digest, too_many_requests("0"), 1, 2);
      registry->inject(s.layer().digest, drip_of(65536, 5ms), 3, 0);
    }
  });
  REQUIRE_FALSE(report.ec);
  const std::vector<recorded_request> asked = s.registry.requests(s.layer().digest);
  CHECK(std::any_of(asked.begin(), asked.end(), [](const recorded_request& one) { return one.status == 429; }));
  bool told = false;
  for (const event& one : report.events) {
    const auto* changed = std::get_if<concurrency_changed>(&one);
    if (changed == nullptr) continue;
    told = told || changed->reason == concurrency_reason::refused;
    CHECK(changed->before != changed->after);
    CHECK(changed->after >= 1);
    if (changed->reason == concurrency_reason::refused) CHECK(changed->after < changed->before);
    if (changed->reason == concurrency_reason::faster) CHECK(changed->after > changed->before);
  }
  CHECK(told);
  s.pulls.heals(s.registry);
}
