#include "transfer/connection_controller.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <functional>
#include <vector>

using gantry::transfer::connection_controller;
using namespace std::chrono_literals;

namespace {

/// A line whose rate, bytes per second, depends on how many connections it has; ten samples per second.
class line {
 public:
  explicit line(connection_controller::settings values) : controller(values, now) {}

  /// \returns the targets seen
  std::vector<unsigned> run(std::chrono::milliseconds time, const std::function<double(unsigned)>& rate) {
    std::vector<unsigned> targets;
    for (std::chrono::milliseconds passed{0}; passed < time; passed += 100ms) {
      now += 100ms;
      received += static_cast<std::uint64_t>(rate(controller.target()) / 10);
      controller.sample(now, received, round_trip, controller.target(), swamped);
      targets.push_back(controller.target());
    }
    return targets;
  }

  connection_controller::time_point now{std::chrono::seconds(1)};
  connection_controller controller;
  std::uint64_t received = 0;
  std::chrono::milliseconds round_trip{20};
  bool swamped = false;
};

double per_connection(unsigned count) { return 1e6 * count; }
double full(unsigned) { return 1e6; }

unsigned most(const std::vector<unsigned>& targets) { return *std::max_element(targets.begin(), targets.end()); }

}  // namespace

TEST_CASE("the count doubles each round while that gains") {
  line path({4, 16});
  CHECK(path.controller.target() == 4);
  CHECK(path.run(200ms, per_connection).back() == 8);
  CHECK(path.run(200ms, per_connection).back() == 16);
  CHECK(most(path.run(20s, per_connection)) == 16);
  CHECK(path.controller.target() >= 14);
}

TEST_CASE("a count whose bytes cannot be hashed in time does not grow, and fewer are kept when they bring as much") {
  line path({4, 16});
  path.swamped = true;
  CHECK(most(path.run(10s, [](unsigned count) { return 1e9 - 1e6 * count; })) == 4);
  CHECK(path.controller.target() <= 2);
  // The processor has become free: the line decides again.
  path.swamped = false;
  path.run(60s, [](unsigned count) { return 1e9 * count; });
  CHECK(path.controller.target() >= 14);
}

TEST_CASE("one moment without a backlog lets the count grow") {
  line path({4, 16});
  path.swamped = true;
  path.run(100ms, per_connection);
  path.swamped = false;
  CHECK(path.run(100ms, per_connection).back() == 8);
}

TEST_CASE("a round lasts four round trips at the least") {
  line path({4, 16});
  path.round_trip = 300ms;
  CHECK(path.run(1100ms, per_connection).back() == 4);
  CHECK(path.run(100ms, per_connection).back() == 8);
}

TEST_CASE("three rounds without gain settle at the count that was as good") {
  line path({4, 16});
  CHECK(path.run(200ms, full).back() == 8);
  CHECK(path.run(400ms, full).back() == 8);
  CHECK(path.run(200ms, full).back() == 4);
}

TEST_CASE("a settled count looks two up and two down and keeps what is better") {
  line path({4, 16});
  path.run(1s, full);
  REQUIRE(path.controller.target() == 4);
  const std::vector<unsigned> targets = path.run(60s, [](unsigned count) { return 1e6 * std::min(count, 9u); });
  CHECK(most(targets) <= 12);
  CHECK(path.controller.target() >= 8);
  CHECK(path.controller.target() <= 12);
}

TEST_CASE("a look down leaves at least two connections") {
  const unsigned cap = GENERATE(2u, 3u);
  line path({cap, cap});
  const std::vector<unsigned> targets = path.run(60s, per_connection);
  CHECK(*std::min_element(targets.begin(), targets.end()) == 2);
  CHECK(targets.back() >= cap - 1);
}

TEST_CASE("small losses on the way down do not add up") {
  line path({8, 8});
  path.run(2s, [](unsigned) { return 1e6; });
  // Each connection fewer costs eight thousandths.
  path.run(16s, [](unsigned count) { return 1e6 * (1 - 0.008 * (8 - std::min(count, 8u))); });
  CHECK(path.controller.target() >= 6);
}

TEST_CASE("time with too few or too many at work says nothing") {
  line path({4, 16});
  for (int i = 0; i < 50; ++i) {
    path.now += 100ms;
    path.received += 100'000;
    path.controller.sample(path.now, path.received, path.round_trip, 3);
  }
  CHECK(path.controller.target() == 4);
}

TEST_CASE("silence before the first byte is no round") {
  line path({4, 16});
  CHECK(path.run(5s, [](unsigned) { return 0.0; }).back() == 4);
  CHECK(path.run(200ms, per_connection).back() == 8);
}

TEST_CASE("a narrow line is given to one connection, and shared again when it widens") {
  line path({4, 16});
  const auto narrow = [](unsigned) { return 30e3; };
  CHECK(path.run(1200ms, narrow).back() == 1);
  CHECK(most(path.run(60s, narrow)) == 1);
  path.run(15s, per_connection);
  CHECK(path.controller.target() == 16);
}

TEST_CASE("a short slow moment is no narrow line") {
  line path({4, 16});
  CHECK(path.run(900ms, [](unsigned) { return 30e3; }).back() == 4);
}

TEST_CASE("a refusal halves the count, once for all requests of a burst") {
  line path({4, 16});
  path.run(1s, per_connection);
  REQUIRE(path.controller.target() == 16);
  for (int i = 0; i < 8; ++i) path.controller.pushed_back(path.now + i * 50ms);
  CHECK(path.controller.target() == 8);
  path.controller.pushed_back(path.now + 2s);
  CHECK(path.controller.target() == 4);
}

TEST_CASE("after one refusal the count grows anew once it is calm") {
  const unsigned before = GENERATE(4u, 16u);
  line path({4, 16});
  if (before == 16) path.run(1s, per_connection);
  REQUIRE(path.controller.target() == before);
  path.controller.pushed_back(path.now);
  CHECK(most(path.run(900ms, per_connection)) == before / 2);
  CHECK(path.run(1200ms, per_connection).back() == 16);
}

TEST_CASE("a count that was refused twice is not tried again for a minute") {
  line path({4, 16});
  path.run(1s, per_connection);
  path.controller.pushed_back(path.now);
  REQUIRE(path.run(2s, per_connection).back() == 16);
  path.controller.pushed_back(path.now);
  REQUIRE(path.controller.target() == 8);
  CHECK(most(path.run(55s, per_connection)) == 15);
  CHECK(most(path.run(60s, per_connection)) == 16);
}

TEST_CASE("a refusal of a count far from the one before, or long after it, is the first again") {
  line path({4, 16});
  path.controller.pushed_back(path.now);
  REQUIRE(path.run(3s, per_connection).back() == 16);
  // It was four before.
  path.controller.pushed_back(path.now);
  CHECK(path.run(3s, per_connection).back() == 16);
  path.run(60s, [](unsigned count) { return 1e6 * count; });
  path.controller.pushed_back(path.now);
  CHECK(path.run(3s, per_connection).back() == 16);
}

TEST_CASE("a server with a limit settles below it although each first refusal is forgiven") {
  line path({4, 16});
  unsigned refusals = 0;
  for (int second = 0; second < 60; ++second) {
    path.run(1s, [](unsigned count) { return 1e6 * std::min(count, 6u); });
    // However many are at work, no more than six have an answer.
    path.controller.serving(path.now, std::min(path.controller.target(), 6u));
    if (path.controller.target() <= 6) continue;
    path.controller.pushed_back(path.now, 6);
    ++refusals;
  }
  CHECK(refusals >= 2);
  CHECK(refusals <= 6);
  CHECK(path.controller.target() >= 3);
}

TEST_CASE("a refusal when more than that have been served is chance and halves nothing") {
  line path({4, 16});
  path.run(1s, per_connection);
  REQUIRE(path.controller.target() == 16);
  path.controller.serving(path.now, 16);
  for (int i = 0; i < 20; ++i) {
    path.controller.pushed_back(path.now, 15);
    path.run(2s, per_connection);
    CHECK(path.controller.target() >= 14);
  }
  // For a minute: the registry may have changed its mind.
  path.run(61s, per_connection);
  path.controller.serving(path.now, 8);
  path.controller.pushed_back(path.now, 8);
  path.controller.pushed_back(path.now + 2s, 8);
  CHECK(path.controller.target() <= 8);
}

TEST_CASE("a refusal that is chance returns to nothing where nothing was taken") {
  line path({4, 16});
  path.run(1s, per_connection);
  REQUIRE(path.controller.target() == 16);
  // By now a few do as well as many.
  const auto shared = [](unsigned) { return 4e6; };
  path.run(60s, shared);
  const unsigned settled = path.controller.target();
  REQUIRE(settled <= 6);
  path.controller.serving(path.now, settled);
  path.controller.pushed_back(path.now, settled - 1);
  CHECK(path.controller.target() == settled);
}

TEST_CASE("a refusal that is chance does not share a narrow line") {
  line path({4, 16});
  path.run(1s, per_connection);
  path.controller.serving(path.now, 16);
  path.run(5s, [](unsigned) { return 2e4; });
  REQUIRE(path.controller.target() == 1);
  path.controller.pushed_back(path.now, 0);
  path.controller.pushed_back(path.now + 2s, 0);
  CHECK(path.controller.target() == 1);
}

TEST_CASE("a count that was refused is taken again as soon as more than were served then are") {
  line path({4, 16});
  path.run(1s, per_connection);
  path.controller.pushed_back(path.now, 5);
  REQUIRE(path.controller.target() == 8);
  path.controller.serving(path.now + 100ms, 5);
  CHECK(path.controller.target() == 8);
  path.controller.serving(path.now + 200ms, 6);
  CHECK(path.controller.target() == 16);
}

TEST_CASE("a ceiling is forgotten after two refusals below it that were chance") {
  line path({4, 16});
  path.run(1s, per_connection);
  path.controller.serving(path.now, 8);
  path.controller.pushed_back(path.now, 8);
  REQUIRE(path.run(2s, per_connection).back() == 16);
  path.controller.pushed_back(path.now, 8);
  REQUIRE(path.controller.target() == 8);
  path.now += 2s;
  path.controller.pushed_back(path.now, 4);
  CHECK(path.controller.target() == 8);
  // One burst is one.
  path.controller.pushed_back(path.now + 100ms, 3);
  CHECK(path.controller.target() == 8);
  path.controller.pushed_back(path.now + 2s, 3);
  CHECK(path.controller.target() == 16);
}

TEST_CASE("where refusals have been chance, one above what was refused is believed when it comes again") {
  line path({4, 16});
  path.run(1s, per_connection);
  path.controller.pushed_back(path.now, 3);
  path.controller.serving(path.now, 4);
  REQUIRE(path.controller.target() == 16);
  path.controller.pushed_back(path.now + 2s, 8);
  CHECK(path.controller.target() == 16);
  path.controller.pushed_back(path.now + 4s, 8);
  CHECK(path.controller.target() == 8);
}

TEST_CASE("refusals never leave less than one connection") {
  line path({4, 16});
  for (int i = 1; i <= 6; ++i) path.controller.pushed_back(path.now + i * 2s);
  CHECK(path.controller.target() == 1);
}

TEST_CASE("each change of the count has its reason") {
  using gantry::concurrency_reason;
  line path({4, 16});
  const auto change = [&path](const std::function<double(unsigned)>& rate) {
    const unsigned before = path.controller.target();
    for (unsigned i = 0; i < 600 && path.controller.target() == before; ++i) path.run(100ms, rate);
    return path.controller.reason();
  };
  CHECK(change(per_connection) == concurrency_reason::faster);
  CHECK(path.controller.rate() == 4'000'000);
  // Eight bring no more than four did.
  CHECK(change(full) == concurrency_reason::no_faster);
  CHECK(path.controller.target() == 4);
  CHECK(change(full) == concurrency_reason::trying_more);
  CHECK(change(full) == concurrency_reason::trial_lost);
  CHECK(change([](unsigned count) { return count < 4 ? 1e5 : 1e6; }) == concurrency_reason::trying_less);
  CHECK(change([](unsigned count) { return count < 4 ? 1e5 : 1e6; }) == concurrency_reason::trial_lost);
  path.controller.pushed_back(path.now);
  CHECK(path.controller.reason() == concurrency_reason::refused);
  CHECK(path.controller.rate() == 0);
  CHECK(change([](unsigned) { return 1e4; }) == concurrency_reason::narrow_line);
  CHECK(path.controller.target() == 1);
  CHECK(change(per_connection) == concurrency_reason::line_widened);
}
