#pragma once

#include <gantry/descriptor.hpp>
#include <gantry/error.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
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
  gantry::reference reference;  ///< the name that was resolved; of an upload: the one that the image gets
  descriptor top;               ///< as served: index or manifest
  std::size_t platforms = 0;    ///< image manifests that will be fetched
};

/// All blobs of the operation are known.
struct transfer_planned {
  std::size_t blobs = 0;         ///< distinct configs and layers
  std::uint64_t bytes = 0;       ///< their sizes
  std::size_t blobs_held = 0;    ///< of these, complete in the store before the operation began
  std::uint64_t bytes_held = 0;  ///< of these
};

/// A blob begins to arrive.
struct blob_started {
  gantry::digest digest;              ///< which blob
  std::uint64_t size = 0;             ///< bytes in all, what was kept of an earlier run included
  std::uint64_t resumed = 0;          ///< bytes kept from an earlier run
  blob_role role = blob_role::layer;  ///< what it is to the image
};

/// Bytes arrived; coalesced to the latest value.
struct blob_progress {
  gantry::digest digest;   ///< which blob
  std::uint64_t done = 0;  ///< bytes held, resumed ones included
};

/// A blob is verified and stored.
struct blob_finished {
  gantry::digest digest;              ///< which blob
  std::uint64_t size = 0;             ///< bytes
  bool reused = false;                ///< held before, or fetched by another process meanwhile; of an upload: nothing was sent
  blob_role role = blob_role::layer;  ///< what it is to the image
  bool mounted = false;               ///< of an upload, when also reused: the registry took it from another of its repositories
};

/// A request failed and will be tried again.
struct retry_scheduled {
  std::string object;                 ///< e.g. a short digest or `token`
  unsigned attempt = 0;               ///< failures so far without progress
  std::chrono::milliseconds delay{};  ///< from now until the next attempt
  error_code reason;                  ///< why the attempt failed, for programs
  std::string message;                ///< one sentence, cleaned
};

/// The operation waits for something other than the network: another process, a rate limit.
struct waiting {
  std::string what;  ///< for what, in words for people
};

/// The archive is being written; coalesced.
struct archive_progress {
  std::uint64_t done = 0;   ///< bytes of the archive that are written, before gzip
  std::uint64_t total = 0;  ///< bytes that it will have, before gzip
};

/// Something the user should know that is no error.
struct warning {
  std::string message;  ///< one sentence or more
};

/// The network as a whole; coalesced to a few times per second.
struct transfer_progress {
  std::uint64_t received = 0;  ///< bytes of blobs received from the network in this operation
  unsigned connections = 0;    ///< requests under way
  std::uint64_t sent = 0;      ///< bytes of blobs sent to registries in this operation
};

/// Why a request for bytes of a blob, or with them, was made.
enum class segment_kind {
  whole,    ///< a blob of one segment, or of an origin without ranges: a plain GET
  probe,    ///< the first range of a blob; nothing else of it is asked until its header is here
  segment,  ///< a range nobody else works on
  steal,    ///< the rear part of a range that another request would need long for
  hedge,    ///< a range that another request has and is silent about or slow with
  upload,   ///< bytes that are sent to a registry
};

/// How a request for bytes of a blob ended.
enum class segment_end {
  complete,   ///< it brought what was left for it to bring
  overtaken,  ///< others brought the rest, and it was cut
  slow,       ///< it crawled and was cut; the rest is asked for anew
  failed,     ///< see segment_finished::message
  stopped,    ///< the operation, or the upload that wanted the bytes, was stopped
};

/// A request for bytes of a blob, or an attempt to send them, is over. Once a request, so that thousands of them cost little.
struct segment_finished {
  gantry::digest digest;                        ///< which blob
  segment_kind kind = segment_kind::whole;      ///< why it was made
  segment_end end = segment_end::complete;      ///< how it ended
  std::uint64_t connection = 0;                 ///< equal numbers are the same connection of this operation
  std::string host;                             ///< the registry or mirror that was asked; empty when none had been chosen
  bool mirror = false;                          ///< it is a mirror
  std::uint64_t offset = 0;                     ///< the range that was asked for, or was to be sent
  std::uint64_t length = 0;                     ///< of this range, in bytes
  std::uint64_t received = 0;                   ///< bytes of the blob that came; of an upload: that were sent
  std::chrono::steady_clock::time_point begun;  ///< when the request was begun
  std::optional<std::chrono::milliseconds>
      answered;                         ///< from there to the head of the answer, of an upload to its first byte; none: nothing
  std::chrono::milliseconds elapsed{};  ///< from there to the end
  std::string message;                  ///< why it failed, one sentence, cleaned
};

/// Why the number of connections changes.
enum class concurrency_reason {
  faster,        ///< the whole grew with the last step: twice as many
  no_faster,     ///< more bring no more: back to the best number
  trying_more,   ///< a look whether two more bring more
  trying_less,   ///< a look whether two fewer bring as much
  trial_lost,    ///< the last look was wrong
  refused,       ///< the registry asked for less, 429 or 503
  narrow_line,   ///< the line is so slow that it is not shared
  line_widened,  ///< it is not any more
};

/// The engine changes how many connections it uses; only where it chooses the number.
struct concurrency_changed {
  unsigned before = 0;                                     ///< connections until now
  unsigned after = 0;                                      ///< connections from now on
  concurrency_reason reason = concurrency_reason::faster;  ///< what was decided on
  std::uint64_t rate = 0;  ///< bytes per second of the whole in the round that was decided on; 0: none was measured
};

/// One struct per kind; new kinds may be appended in minor versions, so visit with a fallback.
using event = std::variant<image_resolved, transfer_planned, blob_started, blob_progress, blob_finished, retry_scheduled, waiting,
                           archive_progress, warning, transfer_progress, segment_finished, concurrency_changed>;

}  // namespace gantry
