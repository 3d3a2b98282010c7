#pragma once

#include <string>
#include <variant>

namespace gantry {

/// One image of an archive or directory that holds several.
struct archive_member {
  std::string path;  ///< native encoding (bytes)
  /// What the source calls it: a tag (`org.opencontainers.image.ref.name` of OCI layouts), a whole name, or `@N`, the N-th from 0.
  std::string image;
};

/// Where images are read from: an archive or a directory (path, native encoding (bytes)), a descriptor that is open for reading and stays
/// the caller's, e.g. 0, or one image of a file.
///
/// Archives are those of docker save, podman save and skopeo, of docker's old kind and the new, and OCI image layouts; plain or compressed
/// with gzip or zstd. Directories are OCI image layouts, or an unpacked archive.
using archive_input = std::variant<std::string, int, archive_member>;

}  // namespace gantry
