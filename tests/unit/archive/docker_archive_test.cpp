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

  static std::string config() {
    return R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[")" + model::digest_of("layer").string() +
           R"("]}})";
  }
  result<std::unique_ptr<model::blob_reader>> open(std::string_view name) override {
    if (name == "config.json") return reader_of(config());
    if (name != "layer.tar.gz") return std::unique_ptr<model::blob_reader>();
    return std::unique_ptr<model::blob_reader>(std::make_unique<slow_layer>(stop, buffers));
  }
};

const docker_entry entry{"config.json", {}, {"layer.tar.gz"}};

}  // namespace

TEST_CASE("compressed layers whose names tell no digest are hashed") {
  crane_files files;
  const std::atomic<bool> running{false};
  std::vector<std::uint64_t> told;
  const docker_content image = must(read_docker_image(files, entry, running, [&told](std::uint64_t bytes) { told.push_back(bytes); }));
  CHECK(files.buffers == 16);
  CHECK(told == std::vector<std::uint64_t>{layer_size});
  REQUIRE(image.layers.size() == 1);
  CHECK(image.layers[0].size == layer_size);
  CHECK(image.paths.at(image.layers[0].digest) == "layer.tar.gz");
}

TEST_CASE("hashing a layer ends at the next buffer when it is to stop") {
  crane_files files;
  std::atomic<bool> stop{false};
  files.stop = &stop;
  must_fail(read_docker_image(files, entry, stop), errc::cancelled);
  CHECK(files.buffers == 1);
}

}  // namespace gantry::archive
