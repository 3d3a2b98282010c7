// One blob over eight connections, some of which fail or get what they did not ask for.
#include "faults/spread.hpp"
#include "support/catch.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

TEST_CASE("eight connections share a blob without getting bytes twice", "[faults]") {
  spread s;
  s.slow_down();
  check_done(s, s.pulls.pull());
  CHECK(s.connections() > 1);
  CHECK(s.connections() <= 12);  // on a busy machine some are replaced
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob that always answers with a server error ends a pull of eight connections", "[faults]") {
  spread s;
  s.registry.inject(s.layer().digest, answer_with(500), 1, 0);
  const pull_report report = s.pulls.pull();
  INFO(report.text.message());
  CHECK(report.ec == make_error_condition(condition::failed));
  CHECK(s.registry.count(s.layer().digest) <= s.pulls.settings.attempts + 8);
  CHECK(s.pulls.leftovers(true) == "");
  s.pulls.heals(s.registry);
}

TEST_CASE("after a failure one of eight connections looks whether a blob answers again", "[faults]") {
  spread s;
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
  s.pulls.heals(s.registry);
}

TEST_CASE("one of eight connections that fails costs little and no byte", "[faults]") {
  spread s;
  const std::string trouble = GENERATE("reset", "truncated", "stalled");
  INFO(trouble);
  s.registry.inject(s.layer().digest,
                    trouble == "reset"       ? reset_after(1'000'000)
                    : trouble == "truncated" ? truncate_after(1'000'000)
                                             : stall_after(1'000'000),
                    3, 1);
  s.slow_down();
  done_within(s, 60s);
  CHECK(s.registry.count(s.layer().digest) > 3);
  CHECK(s.connections() > 1);
  CHECK(s.times_sent() <= 1.3);
  s.pulls.heals(s.registry);
}

TEST_CASE("a registry that ignores ranges is read by one of eight connections", "[faults]") {
  spread s;
  s.registry.inject(s.layer().digest, range_ignored(), 1, 0);
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.layer().digest) == 1);
  CHECK(s.registry.body_sent(s.layer().digest) == s.layer().bytes.size());
  s.pulls.heals(s.registry);
}

TEST_CASE("one answer without ranges among many costs an attempt and leaves the blob to all connections", "[faults]") {
  spread s;
  s.registry.inject(s.layer().digest, range_ignored(), 5, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.count<retry_scheduled>() == 1);
  CHECK(s.connections() > 1);
  CHECK(s.registry.count(s.layer().digest) > 5);
  s.pulls.heals(s.registry);
}

TEST_CASE("a redirect within a registry is asked for once for each blob", "[faults]") {
  fake_registry_options options;
  options.auth = GENERATE(fake_auth::none, fake_auth::bearer);
  spread s(options);
  s.deliver_elsewhere();
  s.slow_delivery();
  s.pulls.settings.jobs = 4;
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.path()) == 1);
  CHECK(s.registry.count(spread::delivery) >= 4);
  s.pulls.heals(s.registry);
}

TEST_CASE("an address within a registry that expires or leads on is asked for anew", "[faults]") {
  const bool expires = GENERATE(true, false);
  CAPTURE(expires);
  spread s;
  s.deliver_elsewhere();
  s.registry.inject(spread::delivery, expires ? answer_with(403) : s.moved_on(), 3, 1);
  s.slow_delivery();
  s.pulls.settings.jobs = 4;
  check_done(s, s.pulls.pull());
  CHECK(s.registry.count(s.path()) == 2);
  s.pulls.heals(s.registry);
}

TEST_CASE("a blob that eight connections get wrong once is fetched once more", "[faults]") {
  spread s;
  s.registry.inject(s.layer().digest, wrong_byte_at(1000), 3, 1);
  s.slow_down();
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(warnings(report).find("fetching it once more") != std::string::npos);
  CHECK(s.connections() > 1);
  CHECK(s.times_sent() > 1.9);
  CHECK(s.times_sent() <= 2.6);
  s.pulls.heals(s.registry);
}

TEST_CASE("a partial file that was damaged on disk costs the pieces concerned", "[faults]") {
  constexpr std::uint64_t piece = std::uint64_t{4} << 20;
  constexpr std::uint64_t arrived = 22'000'000;
  spread s;
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
