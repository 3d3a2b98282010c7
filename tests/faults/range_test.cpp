// Answers to ranges that are not what was asked for.
#include "faults/served.hpp"

#include "support/catch.hpp"

#include <set>
#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::test;

namespace {

/// One layer that four connections share.
struct shared {
  shared() {
    image_recipe recipe;
    recipe.layers = {std::size_t{24} << 20};
    image = build_image(recipe);
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 4;
  }
  fake_registry registry;
  test_image image;
  puller pulls{registry};
  const test_blob& layer() const { return image.layers.front(); }
};

/// Whether \p words say who answered, and for which blob.
bool names(const std::string& words, const fake_registry& registry, const test_blob& blob) {
  return words.find(registry.host()) != std::string::npos && words.find("blob " + blob.digest.substr(7, 12)) != std::string::npos;
}

std::string range(std::uint64_t first, std::uint64_t last, const std::string& total) {
  return "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" + total;
}

}  // namespace

TEST_CASE("a registry that ignores ranges is read from the start and completes", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, truncate_after(1'000'000), 1, 1);
  s.registry.inject(s.layer().digest, range_ignored(), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count(s.layer().digest) >= 2);
  CHECK(s.registry.count(s.layer().digest) <= 4);
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry without ranges that always breaks off at the same place ends the pull", "[faults]") {
  served s;
  s.pulls.settings.jobs = GENERATE(1u, 4u);
  s.pulls.settings.budget = std::chrono::milliseconds(1500);
  s.registry.inject(s.layer().digest, range_ignored_and_cut(1'000'000), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec);
  CHECK(report.took < std::chrono::seconds(15));
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a wrong Content-Range costs an attempt and no wrong byte", "[faults]") {
  served s;
  const std::string lie = GENERATE("start", "end", "total", "text", "absent");
  INFO(lie);
  s.registry.inject(s.layer().digest, truncate_after(1'000'000), 1, 1);
  s.registry.inject(s.layer().digest, content_range_of([lie](std::uint64_t first, std::uint64_t last, std::uint64_t total) {
                      if (lie == "start") return range(first + 1, last, std::to_string(total));
                      if (lie == "end") return range(first, last + 1, std::to_string(total));
                      if (lie == "total") return range(first, last, std::to_string(total + 1));
                      return lie == "text" ? std::string("bytes some") : std::string();
                    }),
                    2, 1);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count(s.layer().digest) == 3);
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that refuses every range is read from the start and completes", "[faults]") {
  shared s;
  const std::string length = std::to_string(s.layer().bytes.size());
  const std::string said = GENERATE_COPY(std::string(), "bytes */" + length, std::string("bytes */*"));
  CAPTURE(said);
  s.registry.inject(s.layer().digest, ranges_refused(said), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count(s.layer().digest) == 3);  // two attempts and the whole
  CHECK(report.count<retry_scheduled>() == 1);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size());
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a layer that breaks off at a registry that refuses every range is read once more", "[faults]") {
  served s;
  s.pulls.settings.jobs = GENERATE(1u, 4u);
  s.registry.inject(s.layer().digest, truncate_after(1'000'000), 1, 1);
  s.registry.inject(s.layer().digest, ranges_refused(), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count(s.layer().digest) <= 6);
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that refuses ranges of a blob of another size is told with both sizes", "[faults]") {
  shared s;
  s.registry.inject(s.layer().digest, ranges_refused("bytes */7777"), 1, 0);
  const pull_report report = s.pulls.pull();
  const std::string words = report.text.message();
  INFO(words);
  CHECK(report.ec);
  CHECK(names(words, s.registry, s.layer()));
  CHECK(words.find("7777 bytes instead of " + std::to_string(s.layer().bytes.size())) != std::string::npos);
  // Who is idle asks while another waits after a failure.
  CHECK(s.registry.count(s.layer().digest) <= s.pulls.settings.attempts * s.pulls.settings.jobs);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("parts that come in chunks leave their connections for the next", "[faults]") {
  shared s;
  s.pulls.settings.jobs = 2;
  s.registry.inject(s.layer().digest, in_chunks(), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  const std::vector<recorded_request> asked = s.registry.requests(s.layer().digest);
  std::set<unsigned> connections;
  bool parts = true;
  for (const recorded_request& one : asked) {
    connections.insert(one.connection);
    parts = parts && !one.header("range").empty();
  }
  CHECK(parts);
  REQUIRE(asked.size() >= 3);
  // One that is robbed near the end is closed with what is left of its answer; how many parts there are is a matter of speed.
  CHECK(connections.size() < asked.size());
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a Content-Range that is always wrong ends the pull", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, truncate_after(1'000'000), 1, 1);
  s.registry.inject(s.layer().digest, content_range_of([](std::uint64_t first, std::uint64_t last, std::uint64_t total) {
                      return range(first + 1, last, std::to_string(total));
                    }),
                    1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec);
  CHECK(names(report.text.message(), s.registry, s.layer()));
  CHECK(s.registry.count(s.layer().digest) <= 2 + s.pulls.settings.attempts);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("an unknown total in Content-Range is no error", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, truncate_after(1'000'000), 1, 1);
  s.registry.inject(s.layer().digest,
                    content_range_of([](std::uint64_t first, std::uint64_t last, std::uint64_t) { return range(first, last, "*"); }), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.registry.count(s.layer().digest) == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a later pull asks only for what an earlier one left", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, truncate_after(2'000'000), 1, 1);
  s.registry.inject(s.layer().digest, answer_with(404), 1, 0);
  CHECK(s.pulls.pull().ec);
  CHECK(s.pulls.leftovers(true) == "");
  s.registry.heal();
  s.registry.forget_requests();
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(report.result.bytes_resumed >= 1'900'000);
  CHECK(s.registry.body_sent(s.layer().digest) <= s.layer().bytes.size() - 1'900'000);
  CHECK(s.pulls.leftovers() == "");
}
