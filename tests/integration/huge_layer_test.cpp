// A layer that is larger than 32 bits can count, small only while it is compressed.
#include "integration/workplace.hpp"

#include "support/catch.hpp"
#include "support/image_builder.hpp"
#include "support/servers.hpp"

#include <cstdint>
#include <string>
#include <vector>

using namespace gantry::test;

namespace {

constexpr std::uint64_t file_size = std::uint64_t{5} << 30;
constexpr std::uint64_t layer_size = 512 + file_size + 1024;
/// Of the layer below. Hashing five GiB for it would take longer than the rest.
constexpr const char* layer_diff_id = "sha256:a724419d6f347f7d797fa1c8f3f695bdee2ddfaf85aaf37cd305ba6fd7a07f7a";

void put(std::string& header, std::size_t offset, const std::string& text) { header.replace(offset, text.size(), text); }

/// A tar with one file of zeros. Its gzip is as many members as it takes: each is small, and so is the work to make them.
layer_bytes huge_layer() {
  std::string header(512, '\0');
  put(header, 0, "zeros");
  put(header, 100, "0000644");
  put(header, 108, "0000000");
  put(header, 116, "0000000");
  put(header, 124, "50000000000");
  put(header, 136, "00000000000");
  put(header, 148, "        ");
  put(header, 156, "0");
  put(header, 257,
      std::string("ustar\0"
                  "00",
                  8));
  put(header, 148, std::string("007025\0 ", 8));
  const auto gzip = [](const std::string& bytes) {
    command pack{{"gzip", "-n"}};
    pack.input = bytes;
    return run_or_throw(pack);
  };
  constexpr std::uint64_t member_size = std::uint64_t{64} << 20;
  const std::string member = gzip(std::string(member_size, '\0'));
  layer_bytes layer;
  layer.gzip = gzip(header);
  for (std::uint64_t done = 0; done < file_size; done += member_size) layer.gzip += member;
  layer.gzip += gzip(std::string(1024, '\0'));
  layer.diff_id = layer_diff_id;
  return layer;
}

}  // namespace

TEST_CASE("a layer of more than 4 GiB is extracted, checked and exported uncompressed", "[integration][slow]") {
  const temp_dir directory;
  const workplace place;
  docker_registry registry(directory / "registry", {directory / "storage"});
  std::vector<layer_bytes> layers;
  layers.push_back(huge_layer());
  push(registry.port(), "team/huge", "1", build_image({}, std::move(layers)));
  const outcome pulled = place.run({"pull", "--no-cache", "-o", "a.tar", registry.host() + "/team/huge:1"});
  INFO(pulled.err);
  REQUIRE(pulled.ok());
  const outcome extracted = place.run({"extract", "a.tar", "huge:1"});
  INFO(extracted.err);
  REQUIRE(extracted.ok());
  command save = place.gantry({});
  save.argv = {"bash", "-c", "set -o pipefail; \"$GANTRY\" save huge:1 -f synology -o - | tar -tvf -"};
  save.env["GANTRY"] = gantry_binary().string();
  const outcome listed = run(save);
  INFO(listed.err);
  CHECK(listed.ok());
  CHECK(listed.out.find(" " + std::to_string(layer_size) + " ") != std::string::npos);
  CHECK(store_problems(place.store()) == "");
}
