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
#include <vector>

namespace gantry::archive {

/// Bytes of manifest.json (DESIGN section 6).
inline constexpr std::size_t docker_manifest_limit = std::size_t{16} << 20;

/// One element of docker's manifest.json.
struct docker_entry {
  std::string config;               ///< path of the configuration
  std::vector<std::string> tags;    ///< RepoTags as written
  std::vector<std::string> layers;  ///< paths, lowest first
};

/// Reads manifest.json. \returns errc::malformed_document, errc::limit_exceeded above 16 MiB, 10,000 images or 1,000 layers of one
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

/// Makes a manifest for \p entry. It depends on config and layers alone, and layers stay as they are: uncompressed ones get the digest that
/// the config calls for, which whoever reads them has to check; compressed ones are hashed here, which may take
/// as long as reading all of them.
/// \returns errc::cancelled when \p stop is set meanwhile; errc::malformed_document when files are missing or do not fit the config,
/// errc::digest_mismatch for a config that is not what its name says, errc::unsupported_document for compressions other than gzip and zstd
result<docker_content> read_docker_image(file_set& files, const docker_entry& entry, const std::atomic<bool>& stop,
                                         const hashing_handler& hashing = {});

}  // namespace gantry::archive
