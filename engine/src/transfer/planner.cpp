#include "transfer/planner.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gantry::transfer {
namespace {

using std::chrono::milliseconds;

// A request idles for one round trip; twenty of them worth of data make that five per cent.
constexpr double round_trips_per_chunk = 20;
constexpr milliseconds least_silence{500};
// Hedging may repeat three per cent of all bytes.
constexpr std::uint64_t hedge_share = 33;

}  // namespace

blob_id planner::add(std::uint64_t size) {
  blob_state added;
  added.size = size;
  blobs_.push_back(std::move(added));
  total_ += size;
  return blobs_.size() - 1;
}

void planner::open(blob_id blob, byte_ranges held) {
  blob_state& state = blobs_[blob];
  state.map.emplace(state.size, std::move(held));
  state.ranges = range_support::unknown;
}

void planner::drop(blob_id blob) {
  blobs_[blob].map.reset();
  blobs_[blob].size = 0;
}

byte_ranges planner::spoken_for(blob_id blob) const {
  byte_ranges ranges;
  for (const auto& [id, stream] : streams_) {
    if (stream.blob == blob && stream.end > stream.position) ranges.add({stream.position, stream.end - stream.position});
  }
  return ranges;
}

std::optional<byte_range> planner::gap_of(blob_id blob) const {
  const blob_state& state = blobs_[blob];
  if (!state.map || state.map->fully_claimed()) return std::nullopt;
  // One request at a time until it is known that ranges work, and for good when they do not.
  const bool alone = state.ranges == range_support::no || (state.ranges == range_support::unknown && !ranges_seen_);
  if (alone && state.streams != 0) return std::nullopt;
  const std::optional<byte_range> gap = state.map->first_gap(spoken_for(blob));
  if (!gap || (state.streams != 0 && gap->offset > state.map->frontier() + values_.out_of_order)) return std::nullopt;
  return gap;
}

std::uint64_t planner::chunk(time_point now) {
  double rate = 0;
  for (auto& [id, stream] : streams_) rate = std::max(rate, stream.rate.rate(now));
  if (rate > 0) best_rate_ = rate;
  std::uint64_t size = values_.first_chunk;
  if (best_rate_ > 0 && round_trip_) {
    const double wanted = round_trips_per_chunk * std::chrono::duration<double>(*round_trip_).count() * best_rate_;
    size = std::clamp(static_cast<std::uint64_t>(wanted), values_.first_chunk, values_.largest_chunk);
  }
  const std::uint64_t share = outstanding() / (2 * std::max(1u, values_.connections));
  return std::max(std::min(size, share), values_.last_chunk);
}

std::uint64_t planner::claimed(blob_id blob) const {
  const std::optional<segment_map>& map = blobs_.at(blob).map;
  return map ? map->claimed() : blobs_[blob].size;
}

std::uint64_t planner::outstanding() const noexcept {
  std::uint64_t bytes = 0;
  for (const blob_state& blob : blobs_) bytes += blob.map ? blob.map->size() - blob.map->claimed() : blob.size;
  return bytes;
}

std::optional<blob_id> planner::choose(std::optional<blob_id> last) const {
  std::optional<blob_id> smallest;
  std::optional<blob_id> idle;
  std::optional<blob_id> busiest;
  std::uint64_t most = 0;
  for (blob_id blob = 0; blob < blobs_.size(); ++blob) {
    const blob_state& state = blobs_[blob];
    if (!gap_of(blob)) continue;
    const std::uint64_t missing = state.size - state.map->claimed();
    if (state.size <= values_.small_blob && state.streams == 0) {
      if (!smallest || state.size < blobs_[*smallest].size) smallest = blob;
    } else if (state.streams == 0) {
      if (!idle || missing > blobs_[*idle].size - blobs_[*idle].map->claimed()) idle = blob;
    } else if (missing > most) {
      most = missing;
      busiest = blob;
    }
  }
  if (smallest) return smallest;
  // Who has worked on a blob goes on with it: in order, over a connection that leads where its bytes are.
  if (last && blobs_[*last].streams == 0 && gap_of(*last)) return last;
  if (idle) return idle;
  if (last && gap_of(*last)) return last;
  return busiest;
}

assignment planner::start(time_point now, blob_id blob, byte_range range, segment_kind kind) {
  assignment given{next_stream_++, blob, range, kind};
  stream_state stream{blob, range.offset, range.end(), kind, now, now, false, false, std::nullopt, rate_meter(now)};
  streams_.emplace(given.stream, std::move(stream));
  ++blobs_[blob].streams;
  return given;
}

assignment planner::start_gap(time_point now, blob_id blob, byte_range gap) {
  const blob_state& state = blobs_[blob];
  const std::uint64_t most = chunk(now);
  if (state.ranges == range_support::no) return start(now, blob, {0, state.size}, segment_kind::whole);
  // With one connection there is nobody to share with, and every request costs a round trip.
  const bool all = values_.connections == 1 || gap.length <= most + most / 2;
  if (all && gap.length == state.size) return start(now, blob, gap, segment_kind::whole);
  if (!all) gap.length = most;
  const bool known = state.ranges == range_support::yes || ranges_seen_;
  return start(now, blob, gap, known ? segment_kind::segment : segment_kind::probe);
}

std::optional<assignment> planner::next(time_point now, std::optional<blob_id> last) {
  if (const std::optional<blob_id> blob = choose(last)) return start_gap(now, *blob, *gap_of(*blob));
  if (std::optional<assignment> stolen = steal(now)) return stolen;
  return hedge(now);
}

double planner::seconds_to_go(stream_state& stream, time_point now) const {
  const double left = static_cast<double>(stream.end - stream.position);
  double rate = stream.rate.rate(now);
  if (rate <= 0) {
    // Nothing is known about a young stream: it is taken for as fast as the best. An old silent one never ends.
    if (now - stream.last_byte > silence_that_counts()) return std::numeric_limits<double>::infinity();
    rate = best_rate_;
  }
  return rate > 0 ? left / rate : 0;
}

std::chrono::nanoseconds planner::silence_that_counts() const {
  return std::max<std::chrono::nanoseconds>(least_silence, 3 * round_trip());
}

std::optional<assignment> planner::steal(time_point now) {
  stream_state* victim = nullptr;
  double longest = 0;
  for (auto& [id, stream] : streams_) {
    const blob_state& blob = blobs_[stream.blob];
    // A plain stream whose answer is here may be helped too: if ranges turn out not to work, it gets its bytes back.
    const bool ranges = blob.ranges == range_support::yes || (blob.ranges == range_support::unknown && (ranges_seen_ || stream.answered));
    if (!ranges || stream.hedged || stream.kind == segment_kind::hedge) continue;
    if (stream.end - stream.position < 2 * values_.least_steal) continue;
    const double time = seconds_to_go(stream, now);
    if (time > longest) {
      longest = time;
      victim = &stream;
    }
  }
  // The victim loses its connection, since the rest of its answer is not worth reading, and the thief waits for a header: that much must be
  // gained.
  const double cost = 6 * std::chrono::duration<double>(round_trip()).count() + 0.02;
  if (victim == nullptr || longest < cost) return std::nullopt;
  const std::uint64_t middle = victim->position + (victim->end - victim->position) / 2;
  const byte_range range{middle, victim->end - middle};
  victim->end = middle;
  const blob_id blob = victim->blob;
  return start(now, blob, range, segment_kind::steal);
}

std::optional<assignment> planner::hedge(time_point now) {
  for (auto& [id, stream] : streams_) {
    const blob_state& blob = blobs_[stream.blob];
    if (blob.ranges != range_support::yes || stream.hedged || stream.kind == segment_kind::hedge) continue;
    const std::uint64_t left = stream.end - stream.position;
    if (left == 0 || now - stream.last_byte < silence_that_counts()) continue;
    if ((hedged_ + left) * hedge_share > total_) continue;
    hedged_ += left;
    stream.hedged = true;
    const byte_range range{stream.position, left};
    const blob_id which = stream.blob;
    return start(now, which, range, segment_kind::hedge);
  }
  return std::nullopt;
}

void planner::header(stream_id id, time_point now, range_support support, std::uint64_t begin) {
  stream_state& stream = streams_.at(id);
  blob_state& blob = blobs_[stream.blob];
  if (!stream.answered) {
    const auto waited = now - stream.started;
    if (!round_trip_ || waited < *round_trip_) round_trip_ = waited;
  }
  stream.answered = true;
  stream.last_byte = now;
  if (support == range_support::yes) ranges_seen_ = true;
  if (support != range_support::unknown) blob.ranges = support;
  if (support == range_support::no) stream.end = blob.size;
  stream.position = begin;
}

void planner::refused(stream_id id) {
  const blob_id which = streams_.at(id).blob;
  blob_state& blob = blobs_[which];
  blob.ranges = range_support::no;
  streams_.at(id).end = streams_.at(id).position;
  for (auto& [other, stream] : streams_) {
    if (other != id && stream.blob == which && stream.kind == segment_kind::whole) stream.end = blob.size;
  }
}

std::vector<byte_range> planner::received(stream_id id, time_point now, std::uint64_t bytes) {
  stream_state& stream = streams_.at(id);
  stream.rate.add(now, bytes);
  stream.last_byte = now;
  const byte_range range{stream.position, bytes};
  stream.position += bytes;
  std::optional<segment_map>& map = blobs_[stream.blob].map;
  // A hedge may still receive after the blob was finished without it.
  return map ? map->claim(range) : std::vector<byte_range>();
}

std::uint64_t planner::remaining(stream_id id) const {
  const stream_state& stream = streams_.at(id);
  const std::optional<segment_map>& map = blobs_[stream.blob].map;
  if (!map || stream.end <= stream.position) return 0;
  const byte_range rest{stream.position, stream.end - stream.position};
  return map->claims(rest) ? 0 : rest.length;
}

bool planner::overtaken(stream_id id) const {
  const stream_state& stream = streams_.at(id);
  return stream.position < stream.end && remaining(id) == 0;
}

void planner::ended(stream_id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  --blobs_[found->second.blob].streams;
  streams_.erase(found);
}

std::vector<stream_id> planner::laggards(time_point now) {
  constexpr std::chrono::seconds patience{2};
  std::vector<double> rates;
  for (auto& [id, stream] : streams_) {
    if (now - stream.started > patience) rates.push_back(stream.rate.rate(now));
  }
  std::vector<stream_id> slow;
  if (rates.size() < 3) return slow;
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2), rates.end());
  const double limit = 0.3 * rates[rates.size() / 2];
  for (auto& [id, stream] : streams_) {
    const bool replaceable = blobs_[stream.blob].ranges == range_support::yes && stream.end - stream.position > values_.least_steal;
    if (!replaceable || now - stream.started <= patience || stream.rate.rate(now) >= limit) {
      stream.slow_since.reset();
    } else if (!stream.slow_since) {
      stream.slow_since = now;
    } else if (now - *stream.slow_since >= patience) {
      slow.push_back(id);
    }
  }
  return slow;
}

}  // namespace gantry::transfer
