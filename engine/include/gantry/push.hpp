#pragma once

#include <gantry/archive_input.hpp>
#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace gantry {

/// What is pushed: an image of the store, what an archive or an OCI layout holds (path, native encoding (bytes)), or one image of that.
using push_source = std::variant<reference, std::string, archive_member>;

/// Every image of the source goes below this, repository paths and tags kept.
struct push_prefix {
  std::string registry;  ///< host and optional port
  std::string path;      ///< empty, or what stands before the repository, without slashes at its ends
};

/// Where it goes: one name for the one image of the source, or a place for all of them.
using push_target = std::variant<reference, push_prefix>;

/// Settings of one push.
struct push_options : operation_options {
  /// Of an index, only these, in an index of their own; one platform goes as its manifest. Each must be there. Empty: everything, byte for
  /// byte.
  std::vector<platform> platforms;

  /// A choice of platforms goes as an index also when it is of one.
  bool as_index = false;

  /// Uncompressed layers go as they are. Else they become gzip, the same bytes for the same layer, in a manifest of their own; the
  /// configuration, and with it the ID of the image, stays.
  bool keep_compression = false;

  /// Blobs are uploaded without asking whether the registry has them.
  bool force_upload = false;

  /// Nothing is written; the result says what would be.
  bool dry_run = false;
};

/// One image that was pushed.
struct pushed_image {
  gantry::reference source;  ///< its name in the source; empty when it has none
  gantry::reference target;  ///< the name that it got
  descriptor top;            ///< what the target names now
  bool unchanged = false;    ///< it did before
};

/// What became of the blobs of an operation that uploads.
struct upload_counts {
  std::size_t blobs = 0;             ///< distinct configs and layers, counted for each repository they go to
  std::uint64_t bytes = 0;           ///< of these
  std::size_t blobs_present = 0;     ///< of these, in the repository already
  std::size_t blobs_mounted = 0;     ///< taken by the registry from another of its repositories
  std::size_t blobs_uploaded = 0;    ///< sent; in a dry run: to be sent or mounted
  std::uint64_t bytes_uploaded = 0;  ///< of these, without what an earlier run had sent of them
};

/// One that was not; where several are pushed the others go on.
struct push_failure {
  gantry::reference source;      ///< see pushed_image
  gantry::reference target;      ///< the name that it did not get
  error_code code;               ///< why, for programs
  std::string message;           ///< why, for people: one sentence
  std::string server_message{};  ///< what the registry said of it, if anything; see diagnostics
};

/// What a push did.
struct push_result : upload_counts {
  std::vector<pushed_image> images;     ///< that were pushed or there already; in a dry run: would be
  std::vector<push_failure> failed;     ///< only where several were to be pushed; a single one fails as a whole
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
