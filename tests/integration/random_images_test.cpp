// Random images through every format and back, by the command line: what comes out is what went in.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// Some layers of some sizes, some of them twice, of either family of media types.
test_image random_image(std::mt19937& random) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  image_recipe recipe;
  recipe.family = below(2) == 0 ? media_family::oci : media_family::docker;
  std::vector<layer_bytes> layers;
  const std::uint32_t count = 1 + below(12);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!layers.empty() && below(4) == 0) {
      layers.push_back(layers[below(static_cast<std::uint32_t>(layers.size()))]);
    } else {
      layers.push_back(random_layer(below(3) == 0 ? below(100) : below(400'000), below(1'000'000)));
    }
  }
  return build_image(recipe, std::move(layers));
}

}  // namespace

TEST_CASE("random images go through every format and back with equal digests", "[integration]") {
  for (std::uint32_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const temp_dir directory;
    const workplace place;
    const test_image image = random_image(random);
    write_layout(directory / "layout", "1", image);
    const auto facts = [&](std::vector<std::string> words) {
      words.emplace_back("--json");
      const outcome done = place.run(std::move(words));
      INFO(done.err);
      REQUIRE(done.ok());
      return only_image(done);
    };
    facts({"convert", (directory / "layout").string(), "--name", "example.com/app:1", "-f", "oci", "-o", "start.tar"});
    for (const std::string format : {"docker", "oci", "oci-dir", "synology"}) {
      for (const bool gzip : {false, true}) {
        if (gzip && format == "oci-dir") continue;
        CAPTURE(format, gzip);
        const std::string made = "made-" + format + (gzip ? ".tar.gz" : ".tar");
        facts({"convert", "start.tar", "-f", format, "-o", made});
        const auto back = facts({"convert", made, "--name", "example.com/app:1", "-f", "oci", "-o", "back-" + format + ".tar"});
        CHECK(back.at("image_id").as_string() == image.config.digest);
        // The old format has the layers uncompressed, hence another manifest.
        if (format != "synology") {
          CHECK(back.at("manifest_digest").as_string() == image.manifest.digest);
          CHECK(slurp(place / ("back-" + format + ".tar")) == slurp(place / "start.tar"));
        }
        fs::remove_all(place.store());
        const auto held = facts({"extract", made, "example.com/app:1"});
        CHECK(held.at("image_id").as_string() == image.config.digest);
        CHECK(store_problems(place.store()) == "");
        if (format == "synology" && !gzip) {
          // Once more out of the store: the same archive.
          facts({"save", "example.com/app:1", "-f", "synology", "-o", "again.tar"});
          CHECK(slurp(place / "again.tar") == slurp(place / made));
        }
      }
    }
  }
}
