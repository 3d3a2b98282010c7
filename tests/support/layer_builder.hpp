#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::test {

/// A file system layer: gzip over tar, always the same bytes for the same input.
struct layer_bytes {
  std::string gzip;
  std::string diff_id;  ///< digest of the tar inside
};

/// Puts files into a layer, one after the other.
class layer_builder {
 public:
  /// \param level of zlib: 0 stores, which makes layers of hundreds of MB in no time; 1 and more compress
  explicit layer_builder(int level);
  layer_builder(const layer_builder&) = delete;
  layer_builder& operator=(const layer_builder&) = delete;
  ~layer_builder();

  /// \param name path inside the image, at most 100 bytes
  void add(std::string_view name, std::string_view content, unsigned mode = 0644);
  /// Bytes of the layer so far, the compressor's own buffer apart.
  std::size_t size() const noexcept;
  layer_bytes finish();

 private:
  void put(std::string_view bytes, int flush);

  struct state;
  std::unique_ptr<state> state_;
};

/// A layer with one file of incompressible bytes, about \p size bytes long.
layer_bytes random_layer(std::size_t size, std::uint32_t seed);

/// A layer of real files of this machine: regular files below \p roots in order of their names, skipping the first \p skip bytes of them,
/// until \p size bytes were put in.
layer_bytes machine_layer(const std::vector<std::filesystem::path>& roots, std::uint64_t skip, std::uint64_t size, int level);

/// Bytes that do not compress, always the same for the same seed.
std::string random_bytes(std::size_t size, std::uint32_t seed);

}  // namespace gantry::test
