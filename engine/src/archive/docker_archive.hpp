#pragma once

#include "archive/file_set.hpp"
#include "base/failure.hpp"
#include "model/image_config.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::archive {

/// Bytes of manifest.json (DESIGN section 6).
inline constexpr std::size_t docker_manifest_limit = std::size_t{16} << 20;
/// Layers of all images that one manifest.json may name, each time counted: a mention takes it few bytes, and us a descriptor and a part of
/// a manifest.
inline constexpr std::size_t docker_mention_limit = 250'000;

/// One element of docker's manifest.json.
struct docker_entry {
  std::string config;               ///< path of the configuration
  std::vector<std::string> tags;    ///< RepoTags as written
  std::vector<std::string> layers;  ///< paths, lowest first
};

/// Reads manifest.json. \returns errc::malformed_document, errc::limit_exceeded above 16 MiB, 10,000 images, 1,000 layers of one
/// or \ref docker_mention_limit of all
result<std::vector<docker_entry>> parse_docker_manifest(std::string_view text);

/// The digest that a path of docker's archives names: `blobs/sha256/<hex>`, `<hex>.json`, `sha256:<hex>`; empty for other paths.
digest digest_in_path(std::string_view path);

/// An image that stands in an archive as config and layers alone, with the manifest that it gets.
struct docker_content {
  descriptor manifest;
  std::string manifest_bytes;
  descriptor config;
  model::image_config parsed_config;
  std::vector<descriptor> layers;
  std::map<digest, std::string> paths;  ///< where config and layers are
};

/// Told before a layer of so many bytes is hashed; may be empty.
using hashing_handler = std::function<void(std::uint64_t bytes)>;

/// Makes manifests for the images of one archive. They depend on config and layers alone, and layers stay as they are: uncompressed ones
/// get the digest that the config calls for, which whoever reads them has to check; compressed ones are hashed, each file once however
/// often it is named, which may take as long as reading all of them. Whether these inflate to what the config says is not looked at.
class docker_reader {
 public:
  /// All must outlive the reader, but for \p hashing.
  docker_reader(file_set& files, const std::atomic<bool>& stop, hashing_handler hashing = {})
      : files_(files), stop_(stop), hashing_(std::move(hashing)) {}

  /// \returns errc::cancelled when \p stop is set meanwhile; errc::malformed_document when files are missing or do not fit the config,
  /// errc::digest_mismatch for a config that is not what its name says, errc::unsupported_document for compressions other than gzip and
  /// zstd
  result<docker_content> read(const docker_entry& entry);

 private:
  result<void> read_config(const std::string& path, docker_content& image);
  /// \returns the layer as a blob, without a digest when it is not compressed
  result<descriptor> layer_at(const std::string& path);
  result<descriptor> describe(const std::string& path, const std::string& name);

  file_set& files_;
  const std::atomic<bool>& stop_;
  hashing_handler hashing_;
  std::map<std::string, descriptor> described_;  ///< layers by file_set::real_name
};

}  // namespace gantry::archive
