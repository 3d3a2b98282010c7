// Random indexes, artifacts and digests through every format that holds them and back, by the command line.
#include "integration/drawn.hpp"
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/fake_registry.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace gantry::test;
namespace fs = std::filesystem;

TEST_CASE("random indexes inside indexes, artifacts and blobs named by sha512 go through every format that holds them and back",
          "[integration]") {
  fake_registry registry;
  const std::string repository = "team/drawn";
  std::size_t nested = 0;
  std::size_t artifacts = 0;
  std::size_t longer = 0;
  for (std::uint32_t seed = 21; seed <= 28; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    drawn_index drawn;
    // The last one is an artifact and nothing else.
    const bool alone = seed == 28;
    if (!alone) drawn = random_index(random);
    if (alone) drawn.members.push_back(random_artifact(random));
    if (alone) drawn.top = drawn.members.back().manifest;
    std::vector<test_blob> all = drawn.inner;
    all.push_back(drawn.top);
    for (const test_image& one : drawn.members) {
      registry.hold(repository, one.manifest.digest, one);
      all.push_back(one.manifest);
      all.push_back(one.config);
      all.insert(all.end(), one.layers.begin(), one.layers.end());
      artifacts += one.config.bytes == "{}" ? 1 : 0;
    }
    for (const test_blob& one : drawn.inner) registry.hold_manifest(repository, one.digest, one);
    const std::string tag = std::to_string(seed);
    registry.hold_manifest(repository, tag, drawn.top);
    registry.hold_manifest(repository, drawn.top.digest, drawn.top);
    nested += drawn.inner.size();
    longer += static_cast<std::size_t>(
        std::count_if(all.begin(), all.end(), [](const test_blob& one) { return one.digest.starts_with("sha512:"); }));

    const workplace place;
    const auto check = [](const workplace& where, std::vector<std::string> words) {
      outcome done = where.run(std::move(words));
      INFO(done.err);
      REQUIRE(done.ok());
      return done;
    };
    const auto missing = [&all](const workplace& where) {
      std::string text;
      for (const test_blob& one : all) {
        if (!fs::exists(where.store() / one.path())) text += one.media_type + " " + one.digest + "\n";
      }
      return text + store_problems(where.store());
    };
    const std::string name = registry.host() + "/" + repository + ":" + tag;
    check(place, {"pull", "--all-platforms", "--store-only", name});
    CHECK(missing(place) == "");
    for (const std::string format : {"docker", "oci", "oci-dir"}) {
      if (alone && format == "docker") continue;
      for (const bool gzip : {false, true}) {
        if (gzip && format == "oci-dir") continue;
        CAPTURE(format, gzip);
        const std::string made = "made-" + format + (gzip ? ".tar.gz" : ".tar");
        check(place, {"save", name, "--all-platforms", "-f", format, "-o", made});
        const workplace other;
        const outcome back = check(other, {"extract", (place / made).string(), "--json"});
        CHECK(back.out.find(drawn.top.digest) != std::string::npos);
        CHECK(missing(other) == "");
        // Out of that store the same archive, byte for byte.
        if (format != "oci-dir") {
          check(other, {"save", name, "--all-platforms", "-f", format, "-o", made});
          CHECK((slurp(other / made) == slurp(place / made)));
        }
      }
    }
  }
  // All kinds were drawn.
  CHECK(nested != 0);
  CHECK(artifacts > 1);
  CHECK(longer != 0);
}
