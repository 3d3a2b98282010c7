// Random images through every format and back, by the command line: what comes out is what went in.
#include "integration/drawn.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/process.hpp"
#include "support/servers.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("random images go through every format and back with equal digests", "[integration]") {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const temp_dir directory;
    const workplace place;
    image_recipe recipe;
    recipe.family = random() % 2 == 0 ? media_family::oci : media_family::docker;
    const std::uint32_t many = 101;
    const test_image image =
        random_image(random, recipe, seed == 6 ? many : 1 + static_cast<std::uint32_t>(random() % 12), {.foreign = true, .sha512 = true});
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
        } else {
          // What came back has every layer as it was: it becomes the same archive once more.
          facts({"convert", "back-synology.tar", "-f", "synology", "-o", gzip ? "twice.tar.gz" : "twice.tar"});
          if (!gzip) CHECK(slurp(place / "twice.tar") == slurp(place / made));
          if (gzip) CHECK(piped({"gzip", "-dcf"}, slurp(place / "twice.tar.gz")) == piped({"gzip", "-dcf"}, slurp(place / made)));
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

TEST_CASE("random images for several platforms go through every format that holds them and back", "[integration]") {
  const temp_dir directory;
  docker_registry registry(directory / "registry", {directory / "storage"});
  for (std::uint32_t seed = 11; seed <= 13; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const workplace place;
    std::vector<test_image> images;
    for (const char* architecture : {"amd64", "arm64", "riscv64"}) {
      image_recipe recipe;
      recipe.architecture = architecture;
      images.push_back(random_image(random, recipe, 1 + static_cast<std::uint32_t>(random() % 4), {}));
    }
    const test_index meant = build_index(media_family::oci, std::move(images), random() % 2 == 0);
    const std::string name = registry.host() + "/team/app" + std::to_string(seed) + ":1";
    push(registry.port(), "team/app" + std::to_string(seed), "1", meant);
    test_blob top = meant.index;
    if (seed % 2 == 0) {
      const std::string type = "application/vnd.oci.image.index.v1+json";
      top = test_blob::of(type,
                          R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[{)" + meant.index.descriptor_members() + "}]}");
      push(registry.port(), "team/app" + std::to_string(seed), "1", test_index{top, {}});
    }
    const auto check = [&](std::vector<std::string> words) {
      const outcome done = place.run(std::move(words));
      INFO(done.err);
      REQUIRE(done.ok());
      return done;
    };
    check({"pull", "--all-platforms", "--store-only", name});
    for (const std::string format : {"docker", "oci", "oci-dir"}) {
      for (const bool gzip : {false, true}) {
        if (gzip && format == "oci-dir") continue;
        CAPTURE(format, gzip);
        const std::string made = "made-" + format + (gzip ? ".tar.gz" : ".tar");
        check({"save", name, "--all-platforms", "-f", format, "-o", made});
        const workplace other;
        const outcome back = other.run({"extract", (place / made).string(), "--json"});
        INFO(back.err);
        REQUIRE(back.ok());
        CHECK(back.out.find(top.digest) != std::string::npos);
        // Attestations are in no list of platforms, yet they are there.
        const auto there = [&other](const test_blob& blob) { return fs::exists(other.store() / "blobs/sha256" / blob.digest.substr(7)); };
        CHECK(there(meant.index));
        for (const test_image& one : meant.images) {
          CHECK(there(one.manifest));
          CHECK(there(one.config));
          for (const test_blob& layer : one.layers) CHECK(there(layer));
        }
        CHECK(store_problems(other.store()) == "");
      }
    }
  }
}
