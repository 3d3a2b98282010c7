// Streams the layers of an image into the program's own code, here one that lists the files in them: no archive, no second copy on disk.
#include <gantry/engine.hpp>

#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

namespace {

/// Reads just enough of tar to print names. All calls come on one thread of the engine's, which may wait here as long as it takes: the
/// network is slowed down, not the memory filled.
class file_lister final : public gantry::layer_sink {
 public:
  gantry::error_code begin_image(const gantry::streamed_image& image) override {
    std::cout << image.reference.string() << ": " << image.layers.size() << " layers\n";
    return {};
  }
  gantry::error_code begin_layer(const gantry::descriptor& layer) override {
    std::cout << layer.digest.string() << '\n';
    filled_ = skip_ = 0;
    return {};
  }
  gantry::error_code write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      // The content of a file, and what fills its last block.
      const std::size_t passed = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      skip_ -= passed;
      bytes = bytes.subspan(passed);
      const std::size_t taken = std::min(bytes.size(), block_.size() - filled_);
      std::transform(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken),
                     block_.begin() + static_cast<std::ptrdiff_t>(filled_), [](std::byte b) { return static_cast<char>(b); });
      filled_ += taken;
      bytes = bytes.subspan(taken);
      if (filled_ == block_.size()) read_header();
    }
    return {};
  }
  gantry::error_code end_layer() override { return {}; }
  void abandon_layer() noexcept override { std::cout << "  ...\n"; }

 private:
  void read_header() {
    filled_ = 0;
    const std::string name(block_.data(), std::find(block_.begin(), block_.begin() + 100, '\0'));
    if (name.empty()) return;
    const std::uint64_t size = std::strtoull(std::string(block_.data() + 124, 12).c_str(), nullptr, 8);
    std::cout << "  " << name << ' ' << size << '\n';
    skip_ = (size + 511) / 512 * 512;
  }

  std::array<char, 512> block_{};
  std::size_t filled_ = 0;
  std::uint64_t skip_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: stream_layers IMAGE\n";
    return 2;
  }
  gantry::error_code ec;
  gantry::diagnostics text;
  const gantry::reference image = gantry::reference::parse(argv[1], ec, text);
  if (ec) {
    std::cerr << text.message() << '\n';
    return 2;
  }

  boost::asio::io_context context;
  gantry::engine engine(context.get_executor(), gantry::engine_options());
  gantry::pull_options options;
  options.output = gantry::layer_stream{std::make_shared<file_lister>(), true};
  options.no_cache = true;
  int status = 1;
  engine.async_pull(image, options, text, [&](gantry::error_code failed, const gantry::pull_result&) {
    if (failed) std::cerr << text.message() << '\n';
    status = failed ? 1 : 0;
  });
  context.run();
  return status;
}
