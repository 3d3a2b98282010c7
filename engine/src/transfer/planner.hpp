#pragma once

#include "transfer/rate_meter.hpp"
#include "transfer/segment_map.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::transfer {

/// How an origin treats range requests for a blob.
enum class range_support {
  unknown,  ///< not asked yet, or the probe is under way
  yes,      ///< a 206 was seen
  no,       ///< a range request was answered with the whole
};

/// Why a request is made.
enum class segment_kind {
  whole,    ///< a blob of one segment, or of an origin without ranges: a plain GET
  probe,    ///< the first range of a blob; nothing else of it is asked until its header is here
  segment,  ///< a range nobody else works on
  steal,    ///< the second half of a range that somebody else would need long for
  hedge,    ///< a range that somebody else has and is silent about: whoever receives a byte first writes it
};

using stream_id = std::uint64_t;
using blob_id = std::size_t;

struct assignment {
  stream_id stream = 0;
  blob_id blob = 0;
  byte_range range;
  segment_kind kind = segment_kind::segment;
};

/// Decides which connection asks for which bytes (DESIGN section 3, PERFORMANCE "Scheduling"). Knows blobs as sizes, connections as streams
/// of bytes, and time as a parameter; the simulator and the real scheduler drive the same object.
class planner {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    unsigned connections = 1;  ///< how many will ask for work at once
    std::uint64_t small_blob = std::uint64_t{64}
                               << 10;  ///< up to here a blob costs about as much as its request: smallest first, before all others
    std::uint64_t first_chunk = std::uint64_t{4}
                                << 20;  ///< while rate and round-trip time are unknown, and the least of a segment otherwise
    std::uint64_t largest_chunk = std::uint64_t{64} << 20;
    std::uint64_t last_chunk = std::uint64_t{1} << 20;      ///< near the end segments shrink, but not below this
    std::uint64_t least_steal = std::uint64_t{256} << 10;   ///< half of a segment is worth a request from here on
    std::uint64_t out_of_order = std::uint64_t{256} << 20;  ///< how far ahead of the contiguous prefix a blob may be written
  };

  explicit planner(settings values) : values_(values) {}

  /// A blob that will be wanted; not asked for before \ref open.
  blob_id add(std::uint64_t size);
  /// The blob can be fetched now, or again from the start; \p held is there already. No stream of it may be under way.
  void open(blob_id blob, byte_ranges held);
  /// The blob is not needed any more, e.g. found in the store.
  void drop(blob_id blob);

  /// Work for an idle connection; nothing when there is none at the moment. \p last is the blob that this connection worked on before.
  std::optional<assignment> next(time_point now, std::optional<blob_id> last = std::nullopt);

  /// The header of the stream's answer is here. \p support what it tells about ranges; \p begin where its body starts.
  void header(stream_id stream, time_point now, range_support support, std::uint64_t begin);
  /// A range request that was answered with the whole although others work on the blob: the answer is of no use. Ranges are given up for
  /// this blob, and a plain stream that is under way gets back what was to be taken from it.
  void refused(stream_id stream);
  /// Bytes were received; \returns which of them the caller must write. Position follows.
  std::vector<byte_range> received(stream_id stream, time_point now, std::uint64_t bytes);
  /// How many bytes from its position on the stream should still read: less than asked when the rest was given away, 0 when it should end.
  std::uint64_t remaining(stream_id stream) const;
  /// Whether all that the stream was to bring has been received by others.
  bool overtaken(stream_id stream) const;
  /// The stream is over; what it has not received is free again.
  void ended(stream_id stream);
  void written(blob_id blob, byte_range range) { blobs_.at(blob).map->written(range); }

  /// Streams to cut because they are much slower than the others; call it about four times per second.
  std::vector<stream_id> laggards(time_point now);

  /// Bytes of the blob that have been received, held ones included.
  std::uint64_t claimed(blob_id blob) const;
  const segment_map& map(blob_id blob) const { return *blobs_.at(blob).map; }
  /// Where a stream will write next; for the owner of the stream.
  std::uint64_t position(stream_id stream) const { return streams_.at(stream).position; }
  /// Bytes that nobody has received yet, of open and unopened blobs.
  std::uint64_t outstanding() const noexcept;
  /// Bytes asked twice by hedging.
  std::uint64_t hedged() const noexcept { return hedged_; }
  std::chrono::nanoseconds round_trip() const noexcept { return round_trip_.value_or(std::chrono::milliseconds(0)); }
  void set_connections(unsigned count) noexcept { values_.connections = count; }
  unsigned streams_of(blob_id blob) const { return blobs_.at(blob).streams; }
  std::size_t active() const noexcept { return streams_.size(); }

 private:
  struct blob_state {
    std::uint64_t size = 0;
    std::optional<segment_map> map;  ///< there while the blob is open
    range_support ranges = range_support::unknown;
    unsigned streams = 0;
  };
  struct stream_state {
    blob_id blob = 0;
    std::uint64_t position = 0;
    std::uint64_t end = 0;
    segment_kind kind = segment_kind::segment;
    time_point started;
    time_point last_byte;
    bool answered = false;
    bool hedged = false;  ///< somebody else was sent after the same bytes
    std::optional<time_point> slow_since;
    rate_meter rate;
  };

  byte_ranges spoken_for(blob_id blob) const;
  std::optional<byte_range> gap_of(blob_id blob) const;
  std::uint64_t chunk(time_point now);
  std::optional<blob_id> choose(std::optional<blob_id> last) const;
  assignment start(time_point now, blob_id blob, byte_range range, segment_kind kind);
  assignment start_gap(time_point now, blob_id blob, byte_range gap);
  std::optional<assignment> steal(time_point now);
  std::optional<assignment> hedge(time_point now);
  double seconds_to_go(stream_state& stream, time_point now) const;
  std::chrono::nanoseconds silence_that_counts() const;

  settings values_;
  std::vector<blob_state> blobs_;
  std::map<stream_id, stream_state> streams_;
  stream_id next_stream_ = 1;
  bool ranges_seen_ = false;  ///< the origin has answered 206 before
  std::optional<std::chrono::nanoseconds> round_trip_;
  double best_rate_ = 0;     ///< of one connection, bytes per second
  std::uint64_t total_ = 0;  ///< bytes of all blobs added
  std::uint64_t hedged_ = 0;
};

}  // namespace gantry::transfer
