// Many small blobs over few connections, whose requests go out before the ones before them are answered.
#include "faults/puller.hpp"

#include "support/catch.hpp"

#include <algorithm>
#include <set>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

struct many {
  many() {
    image_recipe recipe;
    recipe.layers.assign(40, 2000);
    image = build_image(recipe);
    registry.hold("team/app", "1.0", image);
    pulls.settings.jobs = 4;
  }
  std::size_t connections() const {
    std::set<unsigned> used;
    for (const recorded_request& request : registry.requests("/blobs/")) used.insert(request.connection);
    return used.size();
  }

  test_image image;
  fake_registry registry;
  puller pulls{registry};
};

void check_whole(const many& m, const pull_report& report) {
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(m.pulls.leftovers() == "");
}

}  // namespace

TEST_CASE("many small blobs come over no more connections than were asked for") {
  many m;
  const pull_report report = m.pulls.pull();
  check_whole(m, report);
  CHECK(m.registry.count("/blobs/") == 41);
  CHECK(m.connections() <= 4);
}

TEST_CASE("small blobs are asked for while the answers before theirs are still to come") {
  many m;
  m.registry.inject("/blobs/", late_by(50ms), 1, 0);
  const pull_report report = m.pulls.pull();
  check_whole(m, report);
  const std::vector<recorded_request> requests = m.registry.requests("/blobs/");
  CHECK(requests.size() == 41);
  CHECK(m.connections() <= 4);
  const auto ahead = std::count_if(requests.begin(), requests.end(), [](const recorded_request& one) { return one.ahead; });
  CHECK(ahead >= 6);
  m.pulls.heals(m.registry);
}

TEST_CASE("blobs that are brief at one moment and not at the next come over no more connections than were asked for") {
  image_recipe recipe;
  for (std::size_t i = 0; i < 60; ++i) recipe.layers.push_back(40'000 + i % 7 * 10'000);
  const test_image image = build_image(recipe);
  fake_registry registry;
  registry.hold("team/app", "1.0", image);
  registry.inject("/blobs/", drip_of(16'384, 5ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 4;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  std::set<unsigned> used;
  for (const recorded_request& request : registry.requests("/blobs/")) used.insert(request.connection);
  CHECK(used.size() <= 4);
  pulls.heals(registry);
}

TEST_CASE("a host that breaks connections with requests ahead is asked for one thing at a time") {
  fake_registry_options options;
  options.breaks_when_asked_ahead = true;
  image_recipe recipe;
  recipe.layers.assign(60, 2000);
  const test_image image = build_image(recipe);
  fake_registry registry(options);
  registry.hold("team/app", "1.0", image);
  registry.inject("/blobs/", late_by(20ms), 1, 0);
  puller pulls(registry);
  pulls.settings.jobs = 4;
  const pull_report report = pulls.pull();
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  const std::vector<recorded_request> requests = registry.requests("/blobs/");
  const auto ahead = std::count_if(requests.begin(), requests.end(), [](const recorded_request& one) { return one.ahead; });
  // What is under way on four connections when the second one breaks.
  CHECK(ahead <= 8);
  CHECK(requests.size() <= 61 + 12);
  pulls.heals(registry);
}

TEST_CASE("a redirect whose body is not worth reading is not what the next request waits for") {
  many m;
  m.pulls.settings.jobs = GENERATE(1U, 4U);
  m.registry.hold("team/other", "1.0", m.image);
  for (const test_blob& layer : m.image.layers) {
    fault moved = redirect_to("/v2/team/other/blobs/" + layer.digest);
    moved.body = std::string(100 << 10, 'x');
    m.registry.inject("/team/app/blobs/" + layer.digest, moved);
  }
  const pull_report report = m.pulls.pull();
  check_whole(m, report);
  m.pulls.heals(m.registry);
}

TEST_CASE("faults among small blobs cost their own requests and those behind them") {
  const char* const names[] = {"reset", "cut short", "server error", "slow"};
  const int which = GENERATE(0, 1, 2, 3);
  CAPTURE(names[which]);
  many m;
  for (unsigned at = 3; at < 36; at += 8) {
    switch (which) {
      case 0:
        m.registry.inject("/blobs/", reset_after(500), at);
        break;
      case 1:
        m.registry.inject("/blobs/", truncate_after(500), at);
        break;
      case 2:
        m.registry.inject("/blobs/", answer_with(503), at);
        break;
      default:
        m.registry.inject("/blobs/", drip_of(500, 20ms), at);
    }
  }
  const pull_report report = m.pulls.pull();
  check_whole(m, report);
  // A fault may spoil the two that wait behind it.
  CHECK(m.registry.count("/blobs/") <= 41 + 5 * 3);
  m.pulls.heals(m.registry);
}
