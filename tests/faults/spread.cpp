#include "faults/spread.hpp"

#include "support/catch.hpp"
#include "support/sha256.hpp"

#include <filesystem>
#include <set>

namespace gantry::test {

const test_image& spread_image() {
  static const test_image image = [] {
    image_recipe recipe;
    recipe.layers = {20'000, std::size_t{24} << 20};
    return build_image(recipe);
  }();
  return image;
}

spread::spread(const fake_registry_options& options) : registry(options) {
  registry.hold("team/app", "1.0", image);
  pulls.settings.jobs = 8;
}

std::size_t spread::connections() const {
  std::set<unsigned> used;
  for (const recorded_request& request : registry.requests(layer().digest)) used.insert(request.connection);
  return used.size();
}

void check_done(const spread& s, const pull_report& report) {
  INFO(report.text.message());
  CHECK_FALSE(report.ec);
  CHECK(s.pulls.leftovers() == "");
  const auto blob = s.pulls.store() / "blobs" / "sha256" / s.layer().digest.substr(7);
  REQUIRE(std::filesystem::exists(blob));
  CHECK(sha256_of_file(blob) == s.layer().digest);
}

pull_report done_within(spread& s, std::chrono::seconds limit) {
  const pull_report report = s.pulls.pull();
  check_done(s, report);
  CHECK(report.took < limit);
  return report;
}

}  // namespace gantry::test
