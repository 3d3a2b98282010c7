#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace gantry {

/// What a blob is to the image that wants it.
enum class blob_role {
  manifest,  ///< index or image manifest
  config,    ///< image config
  layer,     ///< file system layer or artifact content
};

/// A name was resolved: what follows is by digest.
struct image_resolved {
  gantry::reference reference;
  descriptor top;             ///< as served: index or manifest
  std::size_t platforms = 0;  ///< image manifests that will be fetched
};

/// All blobs of the operation are known.
struct transfer_planned {
  std::size_t blobs = 0;       ///< distinct configs and layers
  std::uint64_t bytes = 0;     ///< their sizes
  std::size_t blobs_held = 0;  ///< of these, complete in the store before the operation began
  std::uint64_t bytes_held = 0;
};

/// A blob begins to arrive.
struct blob_started {
  gantry::digest digest;
  std::uint64_t size = 0;
  std::uint64_t resumed = 0;  ///< bytes kept from an earlier run
  blob_role role = blob_role::layer;
};

/// Bytes arrived; coalesced to the latest value.
struct blob_progress {
  gantry::digest digest;
  std::uint64_t done = 0;  ///< bytes held, resumed ones included
};

/// A blob is verified and stored.
struct blob_finished {
  gantry::digest digest;
  std::uint64_t size = 0;
  bool reused = false;  ///< held before, or fetched by another process meanwhile
};

/// A request failed and will be tried again.
struct retry_scheduled {
  std::string object;    ///< e.g. a short digest or `token`
  unsigned attempt = 0;  ///< failures so far without progress
  std::chrono::milliseconds delay{};
  error_code reason;
  std::string message;  ///< one sentence, cleaned
};

/// The operation waits for something other than the network: another process, a rate limit.
struct waiting {
  std::string what;
};

/// The archive is being written; coalesced.
struct archive_progress {
  std::uint64_t done = 0;
  std::uint64_t total = 0;
};

/// Something the user should know that is no error.
struct warning {
  std::string message;
};

/// The network as a whole; coalesced to a few times per second.
struct transfer_progress {
  std::uint64_t received = 0;  ///< bytes of blobs received from the network in this operation
  unsigned connections = 0;    ///< requests under way
};

/// One struct per kind; new kinds may be appended in minor versions, so visit with a fallback.
using event = std::variant<image_resolved, transfer_planned, blob_started, blob_progress, blob_finished, retry_scheduled, waiting,
                           archive_progress, warning, transfer_progress>;

}  // namespace gantry
