// Random images through every format and back, by the command line: what comes out is what went in.
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
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

/// What a layer inflates to, or that packed again, by the programs of the system.
std::string piped(const std::vector<std::string>& program, const std::string& bytes) {
  const temp_dir directory;
  spill(directory / "in", bytes);
  command one;
  one.argv = program;
  one.argv.push_back((directory / "in").string());
  return run_or_throw(std::move(one));
}

/// The same layer, as it is seen beside gzip: packed by zstd, not packed at all, or with the media type of layers that registries do not
/// hand on.
test_blob in_other_clothes(const test_blob& layer, media_family family, std::uint32_t kind) {
  if (family == media_family::docker) return test_blob::of("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", layer.bytes);
  if (kind == 0) return test_blob::of("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", layer.bytes);
  const std::string tar = piped({"gzip", "-dcf"}, layer.bytes);
  if (kind == 1) return test_blob::of("application/vnd.oci.image.layer.v1.tar", tar);
  return test_blob::of("application/vnd.oci.image.layer.v1.tar+zstd", piped({"zstd", "-q", "-c"}, tar));
}

/// \p count layers of some sizes, some of them twice, some without a file in them, of all media types of the family.
/// \param foreign whether layers that registries do not hand on are among them
test_image random_image(std::mt19937& random, const image_recipe& recipe, std::uint32_t count, bool foreign) {
  const auto below = [&](std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  const std::uint32_t largest = count > 20 ? 3000 : 400'000;
  std::vector<layer_bytes> layers;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!layers.empty() && below(4) == 0) {
      layers.push_back(layers[below(static_cast<std::uint32_t>(layers.size()))]);
    } else if (below(6) == 0) {
      layers.push_back(layer_builder(1).finish());
    } else {
      layers.push_back(random_layer(below(3) == 0 ? below(100) : below(largest), below(1'000'000)));
    }
  }
  test_image image = build_image(recipe, std::move(layers));
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    // A duplicate may wear them already.
    const bool plain = image.layers[i].media_type.ends_with("tar+gzip") || image.layers[i].media_type.ends_with("tar.gzip");
    const std::uint32_t kind = foreign ? below(3) : 1 + below(2);
    if (plain && below(3) == 0) replace_layer(image, i, in_other_clothes(image.layers[i], recipe.family, kind));
  }
  return image;
}

}  // namespace

TEST_CASE("random images go through every format and back with equal digests", "[integration]") {
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    const temp_dir directory;
    const workplace place;
    image_recipe recipe;
    recipe.family = random() % 2 == 0 ? media_family::oci : media_family::docker;
    const std::uint32_t many = 101;
    const test_image image = random_image(random, recipe, seed == 6 ? many : 1 + static_cast<std::uint32_t>(random() % 12), true);
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
      images.push_back(random_image(random, recipe, 1 + static_cast<std::uint32_t>(random() % 4), false));
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
