#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/push.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gantry {

/// Settings of one copy from registry to registry.
struct copy_options : operation_options {
  /// Of an index, only these, in an index of their own that keeps descriptors, annotations and the family of media types; one platform goes
  /// as its manifest. Each must be there. Empty: everything, byte for byte.
  std::vector<platform> platforms;

  /// What refers to the image and to the manifests of its index goes with it: signatures, SBOMs, attestations (distribution-spec, "Listing
  /// Referrers"), and the tags `sha256-<hex>.sig`, `.att` and `.sbom` that cosign makes. They are looked for also when the image itself is
  /// unchanged. Of an index that is made of a choice of platforms nothing can be known: only what refers to its manifests goes with it.
  bool referrers = false;

  /// Every tag of the source's repository; the tags and digests of source and targets do not count.
  bool all_tags = false;

  /// Nothing is asked of the target before it is written: neither whether the tag is unchanged nor which blobs are there.
  bool force_upload = false;

  /// What is sent is fetched into the store first, with several connections a blob and resumable, and stays there. Off: it passes through
  /// memory, and nothing is kept but the addresses of uploads that broke off.
  bool cache = false;

  /// Nothing is written; the result says what would be.
  bool dry_run = false;
};

/// One image that was copied to one name.
struct copied_image {
  reference source;           ///< by the tag or digest that it was read by
  reference target;           ///< the name that it got
  descriptor top;             ///< what the target names now
  std::size_t referrers = 0;  ///< manifests that refer to it or to one of its manifests, copied or there already
  bool unchanged = false;     ///< it did before
};

/// One that was not; with copy_options::all_tags or several targets the others go on.
struct copy_failure {
  reference source;              ///< the image that was to be copied
  reference target;              ///< the name that it did not get
  error_code code;               ///< why, for programs
  std::string message;           ///< why, for people: one sentence
  std::string server_message{};  ///< what the registry said of it, if anything; see diagnostics
};

/// What a copy did.
struct copy_result : upload_counts {
  std::vector<copied_image> images;     ///< that were copied or there already; in a dry run: would be
  std::vector<copy_failure> failed;     ///< only where something else was copied or asked for; a single copy fails as a whole
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
