#pragma once

#include "archive/layout.hpp"
#include "archive/sink.hpp"
#include "archive/writer.hpp"
#include "model/blob_source.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive::fixture {

/// Blobs in memory, and ways in which they can be wrong.
class memory_blobs : public model::blob_source {
 public:
  /// Adds \p bytes and describes them.
  descriptor put(std::string bytes, std::string media_type);
  /// From now on the blob opens with \p bytes in place of its own.
  void replace(const digest& blob, std::string bytes) { blobs_[blob] = std::move(bytes); }
  void remove(const digest& blob) { blobs_.erase(blob); }
  /// The reader says the right size, yet ends after \p size bytes.
  void shorten(const digest& blob, std::uint64_t size) { shortened_[blob] = size; }
  /// Readers carry a descriptor of a file in \p directory, so that the kernel can copy.
  void keep_in_files(std::filesystem::path directory) { directory_ = std::move(directory); }

  const std::string& bytes_of(const descriptor& blob) const { return blobs_.at(blob.digest); }
  const std::vector<digest>& opened() const { return opened_; }

  result<std::unique_ptr<model::blob_reader>> open(const descriptor& blob) override;

 private:
  std::map<digest, std::string> blobs_;
  std::map<digest, std::uint64_t> shortened_;
  std::vector<digest> opened_;
  std::filesystem::path directory_;
};

/// Collects what it is given; fails at \p limit bytes.
class memory_sink : public byte_sink {
 public:
  explicit memory_sink(std::uint64_t limit = UINT64_MAX) : limit_(limit) {}

  result<void> write(std::span<const std::byte> bytes) override;
  result<void> finish() override;

  std::string bytes;
  bool finished = false;

 private:
  std::uint64_t limit_;
};

/// Pseudo-random bytes that no compressor shortens.
std::string noise(std::size_t size, unsigned seed);
/// Text that any compressor shortens.
std::string prose(std::size_t size);

/// An image of one platform whose config, layers (gzip-compressed tars) and manifest are real, added to \p blobs.
archived_manifest build_image(memory_blobs& blobs, std::string_view architecture, const std::vector<std::string>& layer_contents,
                              bool docker_types = false);

/// The one image that one manifest makes.
archived_image single(const archived_manifest& held, std::string_view name);

/// An index of \p held, added to \p blobs, its digest as top; all of it listed as held when \p whole.
archived_image multi(memory_blobs& blobs, std::vector<archived_manifest> held, std::string_view name, bool whole,
                     bool docker_types = false);

/// Writes \p plan into memory; requires success.
std::string written(const layout& plan, model::blob_source& blobs);

reference name_of(std::string_view text);
platform platform_of(std::string_view text);

/// Runs python3 with \p script on \p arguments; requires success. \returns its output without the last newline.
std::string python(const std::string& script, const std::vector<std::string>& arguments);

/// `tar -tf`; whether GNU tar takes \p archive for whole.
bool tar_accepts(const std::filesystem::path& archive);

/// The members of \p archive as "name size" lines, as libarchive reads them with their contents, plain or gzip; the reason when it cannot.
/// Nothing where libarchive is not there.
std::optional<std::string> libarchive_reads(const std::filesystem::path& archive);

}  // namespace gantry::archive::fixture
