// The real program, whose store goes away under it: somebody removes it, or the disk is unmounted.

#include "integration/workplace.hpp"
#include "support/catch.hpp"
#include "support/fake_registry.hpp"
#include "support/process.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace gantry::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

void until_asked(const fake_registry& registry, const std::string& part) {
  for (int i = 0; i < 6000 && registry.count(part) == 0; ++i) std::this_thread::sleep_for(10ms);
  REQUIRE(registry.count(part) != 0);
}

}  // namespace

TEST_CASE("a store that goes away under a pull ends it in a sentence and is made anew by nobody", "[disk]") {
  fake_registry registry;
  image_recipe recipe;
  recipe.layers = {3000, 1'500'000};
  const test_image image = build_image(recipe);
  registry.hold("team/app", "1.0", image);
  const workplace place;
  const std::vector<std::string> words{"pull", "--plain-http", registry.host() + "/team/app:1.0", "--platform", "linux/amd64", "--progress",
                                       "none", "--store-only"};
  const bool unmounted = GENERATE(false, true);
  std::string part;
  SECTION("before the manifest is there") {
    part = "/manifests/";
    registry.inject(part, late_by(2s));
  }
  SECTION("in the middle of a layer") {
    part = image.layers[1].digest;
    registry.inject(part, drip_of(20'000, 20ms));
  }
  child pull(place.gantry(words), place / "log");
  until_asked(registry, part);
  const fs::path away = place / "away";
  for (int i = 0; i < 500 && !fs::exists(place.store() / "oci-layout"); ++i) std::this_thread::sleep_for(10ms);
  fs::rename(place.store(), away);
  // Where a disk was mounted its directory stays.
  if (unmounted) fs::create_directory(place.store());
  const auto ended = pull.wait(2min);
  const std::string said = slurp(place / "log");
  INFO(said);
  REQUIRE(ended);
  CHECK(ended->status == 7);
  const std::string sentence = "the store " + place.store().string() + " is gone: it was removed, or its disk was";
  CHECK(said.find(sentence) != std::string::npos);
  CHECK(said.find(sentence) == said.rfind(sentence));
  CHECK(fs::exists(place.store()) == unmounted);
  if (unmounted) CHECK(fs::is_empty(place.store()));

  // What had arrived before is good when it is back.
  fs::remove(place.store());
  fs::rename(away, place.store());
  registry.heal();
  CHECK(place.run(words).ok());
  // The lease of the first run went away with the store; a clean-up takes it.
  CHECK(store_problems(place.store(), true) == "");
}

}  // namespace gantry::test
