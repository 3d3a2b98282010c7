#include "support/image_builder.hpp"

#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/sha256.hpp"

using namespace gantry::test;

TEST_CASE("the same recipe gives the same image", "[image_builder]") {
  image_recipe recipe;
  CHECK(build_image(recipe).manifest.digest == build_image(recipe).manifest.digest);
  image_recipe other = recipe;
  other.seed = 2;
  CHECK(build_image(recipe).manifest.digest != build_image(other).manifest.digest);
}

TEST_CASE("a layer is gzip over tar and its diff ID is the digest of the tar", "[image_builder]") {
  layer_builder builder(6);
  builder.add("etc/greeting", "hello\n");
  const layer_bytes layer = builder.finish();
  const outcome raw = run({{"gzip", "-dc"}, {}, {}, layer.gzip});
  CHECK(raw.ok());
  CHECK(sha256_of(raw.out) == layer.diff_id);
  CHECK(run({{"tar", "-xzOf", "-", "etc/greeting"}, {}, {}, layer.gzip}).out == "hello\n");
}

TEST_CASE("layers of machine files are as large as asked", "[image_builder]") {
  const layer_bytes layer = machine_layer({"/usr/bin"}, 0, 3'000'000, 0);
  CHECK(layer.gzip.size() > 3'000'000);
  CHECK(layer.gzip.size() < 3'300'000);
  CHECK(machine_layer({"/usr/bin"}, 3'000'000, 3'000'000, 0).diff_id != layer.diff_id);
}

TEST_CASE("an index names its platforms and describes attestations", "[image_builder]") {
  image_recipe arm;
  arm.architecture = "arm";
  arm.variant = "v7";
  std::vector<test_image> images{build_image({}), build_image(arm)};
  const test_index index = build_index(media_family::oci, std::move(images), true);
  CHECK(index.images.size() == 3);
  CHECK(index.index.bytes.find(R"("architecture":"arm","os":"linux","variant":"v7")") != std::string::npos);
  CHECK(index.index.bytes.find("attestation-manifest") != std::string::npos);
}
