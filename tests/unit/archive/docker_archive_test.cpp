#include "archive/docker_archive.hpp"

#include "archive/sink.hpp"
#include "model/digester.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {
namespace {

using test::must;
using test::must_fail;

constexpr std::uint64_t layer_size = std::uint64_t{16} * copy_buffer_size;

/// A layer that looks compressed; it sets \p stop with the first buffer that is asked for, and counts them.
class slow_layer final : public model::blob_reader {
 public:
  slow_layer(std::atomic<bool>* stop, std::size_t& buffers) : stop_(stop), buffers_(buffers) {}
  std::uint64_t size() const noexcept override { return layer_size; }
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) override {
    const std::size_t count = std::min(into.size(), static_cast<std::size_t>(layer_size - offset));
    std::fill_n(into.begin(), count, std::byte{0});
    if (offset == 0 && count >= 2) {
      into[0] = std::byte{0x1f};
      into[1] = std::byte{0x8b};
    }
    if (count == copy_buffer_size) ++buffers_;
    if (count == copy_buffer_size && stop_ != nullptr) stop_->store(true);
    return count;
  }

 private:
  std::atomic<bool>* stop_;
  std::size_t& buffers_;
};

/// `config.json` and `layer.tar.gz`, whose name is no digest, as crane writes them.
struct crane_files final : file_set {
  std::atomic<bool>* stop = nullptr;
  std::size_t buffers = 0;

  /// Of an image with \p layers, all alike.
  static std::string config(std::size_t layers = 1) {
    const std::string diff_id = "\"" + model::digest_of("layer").string() + "\"";
    std::string diff_ids = diff_id;
    for (std::size_t i = 1; i < layers; ++i) diff_ids += "," + diff_id;
    return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)" + diff_ids + "]}}";
  }
  result<std::unique_ptr<model::blob_reader>> open(std::string_view name) override {
    if (name == "config.json") return reader_of(config());
    if (name == "config3.json") return reader_of(config(3));
    if (real_name(name) != "layer.tar.gz") return std::unique_ptr<model::blob_reader>();
    return std::unique_ptr<model::blob_reader>(std::make_unique<slow_layer>(stop, buffers));
  }
  std::string real_name(std::string_view name) override { return std::string(name == "link.tar.gz" ? "layer.tar.gz" : name); }
};

const docker_entry entry{"config.json", {}, {"layer.tar.gz"}};

}  // namespace

TEST_CASE("compressed layers whose names tell no digest are hashed") {
  crane_files files;
  const std::atomic<bool> running{false};
  std::vector<std::uint64_t> told;
  const docker_content image = must(docker_reader(files, running, [&told](std::uint64_t bytes) { told.push_back(bytes); }).read(entry));
  CHECK(files.buffers == 16);
  CHECK(told == std::vector<std::uint64_t>{layer_size});
  REQUIRE(image.layers.size() == 1);
  CHECK(image.layers[0].size == layer_size);
  CHECK(image.paths.at(image.layers[0].digest) == "layer.tar.gz");
}

TEST_CASE("a layer is hashed once, however often and behind however many links images name it") {
  crane_files files;
  const std::atomic<bool> running{false};
  std::size_t told = 0;
  docker_reader images(files, running, [&told](std::uint64_t) { ++told; });
  const docker_entry several{"config3.json", {}, {"layer.tar.gz", "./layer.tar.gz", "link.tar.gz"}};
  const digest layer = must(images.read(entry)).layers[0].digest;
  for (int i = 0; i < 20; ++i) {
    const docker_content image = must(images.read(several));
    REQUIRE(image.layers.size() == 3);
    for (const descriptor& one : image.layers) CHECK(one.digest == layer);
  }
  CHECK(files.buffers == 16);
  CHECK(told == 1);
}

TEST_CASE("the layers that all images of a manifest.json name are limited together") {
  const auto images = [](std::size_t count) {
    std::string layers = "\"a\"";
    for (int i = 1; i < 1000; ++i) layers += ",\"a\"";
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) text += (i == 0 ? "" : ",") + (R"({"Config":"c","RepoTags":null,"Layers":[)" + layers) + "]}";
    return text + "]";
  };
  CHECK(must(parse_docker_manifest(images(docker_mention_limit / 1000))).size() == docker_mention_limit / 1000);
  must_fail(parse_docker_manifest(images(docker_mention_limit / 1000 + 1)), errc::limit_exceeded);
}

TEST_CASE("hashing a layer ends at the next buffer when it is to stop") {
  crane_files files;
  std::atomic<bool> stop{false};
  files.stop = &stop;
  must_fail(docker_reader(files, stop).read(entry), errc::cancelled);
  CHECK(files.buffers == 1);
}

}  // namespace gantry::archive
