// Bodies that end early, stall, lie about their length or carry the wrong bytes.
#include "faults/served.hpp"

#include "support/catch.hpp"

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

/// Bytes that the ranges asked for the large layer left out at its start.
std::uint64_t largest_start(const served& s) {
  std::uint64_t largest = 0;
  for (const recorded_request& request : s.registry.requests(s.layer().digest)) {
    const std::string range = request.header("range");
    if (range.starts_with("bytes=")) largest = std::max<std::uint64_t>(largest, std::stoull(range.substr(6)));
  }
  return largest;
}

void check_done(const served& s, const pull_report& report) {
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  REQUIRE(report.result.images.size() == 1);
  CHECK(report.result.images[0].manifest.digest.string() == s.image.manifest.digest);
  CHECK(s.pulls.leftovers() == "");
}

}  // namespace

TEST_CASE("a pull without trouble asks for each thing once", "[faults]") {
  served s;
  const pull_report report = s.pulls.pull_to_archive();
  check_done(s, report);
  CHECK(s.registry.count("/manifests/") == 1);
  CHECK(s.registry.count(s.image.config.digest) == 1);
  CHECK(s.registry.count(s.image.layers[0].digest) == 1);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size());
  CHECK(report.result.bytes_received == s.image.blob_bytes());
  CHECK(report.count<retry_scheduled>() == 0);
  CHECK(std::filesystem::exists(s.pulls.archive()));
}

TEST_CASE("a truncated body is resumed with a range", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, truncate_after(2'000'000));
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(s.registry.count(s.layer().digest) == 2);
  CHECK(largest_start(s) > 0);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size());
  CHECK(report.count<retry_scheduled>() >= 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("a body that is cut again and again completes as long as it makes progress", "[faults]") {
  served s;
  // Each answer ends after 200 kB: more cuts than attempts.
  s.registry.inject(s.layer().digest, truncate_after(200'000), 1, 0);
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(s.registry.count(s.layer().digest) >= 15);
  s.pulls.heals(s.registry);
}

TEST_CASE("a reset connection is resumed with a range", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, reset_after(1'000'000));
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.layer().digest) == 2);
  CHECK(s.registry.body_sent(s.layer().digest) < s.layer().bytes.size() + 1'000'000);
  s.pulls.heals(s.registry);
}

TEST_CASE("a stalled body is given up after the idle time and resumed", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, stall_after(1'000'000));
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took >= s.pulls.settings.timeouts.idle);
  CHECK(report.took < 60s);
  CHECK(largest_start(s) > 0);
  s.pulls.heals(s.registry);
}

TEST_CASE("a slow drip is not taken for a stall", "[faults]") {
  served s;
  s.registry.inject(s.image.layers[0].digest, drip_of(2'000, 100ms));
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(s.registry.count(s.image.layers[0].digest) == 1);
  s.pulls.heals(s.registry);
}

TEST_CASE("an answer that does not come is asked for again", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, no_answer());
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.layer().digest) == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob that is wrong once is fetched once more", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, wrong_byte_at(2'500'000));
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.layer().digest) == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob that is always wrong is an integrity error and leaves nothing", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, wrong_byte_at(10), 1, 0);
  const pull_report report = s.pulls.pull_to_archive();
  INFO(report.text.message());
  CHECK(report.ec == make_error_condition(condition::integrity));
  CHECK(report.text.message().find(s.layer().digest.substr(7, 12)) != std::string::npos);
  CHECK(s.registry.count(s.layer().digest) <= 12);
  CHECK(s.pulls.leftovers() == "");
  CHECK_FALSE(std::filesystem::exists(s.pulls.archive()));
  s.pulls.heals(s.registry);
}

TEST_CASE("a wrong manifest, config and small layer are integrity errors", "[faults]") {
  served s;
  const std::string wrong = GENERATE("manifest", "config", "layer");
  const std::string target = wrong == "manifest" ? "/manifests/" : wrong == "config" ? s.image.config.digest : s.image.layers[0].digest;
  s.registry.inject(target, wrong_byte_at(100), 1, 0);
  const pull_report report = s.pulls.pull("team/app@" + s.image.manifest.digest);
  CHECK(report.ec == make_error_condition(condition::integrity));
  CHECK_FALSE(report.text.message().empty());
  CHECK(s.pulls.leftovers() == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a body that is longer than its header says is cut there", "[faults]") {
  served s;
  s.registry.inject("/blobs/", surplus_of(1000), 1, 0);
  check_done(s, s.pulls.pull());
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob longer than its descriptor is refused", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, resized_to(s.layer().bytes.size() + 10), 1, 0);
  s.registry.inject(s.layer().digest, range_ignored(), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  CHECK(s.registry.count(s.layer().digest) <= 12);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob shorter than its descriptor is refused", "[faults]") {
  served s;
  s.registry.inject(s.layer().digest, resized_to(1'000'000), 1, 0);
  const pull_report report = s.pulls.pull();
  CHECK(report.ec);
  CHECK(report.took < 60s);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}
