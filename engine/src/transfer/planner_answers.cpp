// What answers and their bytes tell the planner.

#include "transfer/planner.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

// A body that was all there with its header says little about the line.
constexpr double least_measure = 0.01;

}  // namespace

void planner::header(stream_id id, time_point now, range_support support, std::uint64_t begin, std::optional<std::uint64_t> end) {
  stream_state& stream = streams_.at(id);
  const auto waited = now - stream.asked;
  if (!shortest_wait_ || waited < *shortest_wait_) shortest_wait_ = waited;
  const double seconds = std::chrono::duration<double>(waited).count();
  if (!stream.ahead && !stream.behind) usual_wait_ = usual_wait_ == 0 ? seconds : 0.75 * usual_wait_ + 0.25 * seconds;
  // The turn of a request behind others comes when it comes.
  if (!stream.ahead && !stream.behind) longest_wait_ = std::max<std::chrono::nanoseconds>(longest_wait_, waited);
  settle_trial(stream, waited);
  stream.has_answer = true;
  stream.answered = stream.last_byte = now;
  // The wait before says nothing about the rate.
  stream.rate = rate_meter(now);
  stream.paused = std::chrono::nanoseconds(0);
  if (stream.disowned) return;
  blob_state& blob = blobs_[stream.blob];
  if (support == range_support::yes) ranges_seen_ = true;
  if (support == range_support::no) ranges_refused_ = true;
  if (support != range_support::unknown && blob.ranges != range_support::no) blob.ranges = support;
  if (support == range_support::no) stream.end = stream.answer = blob.size;
  if (end) {
    stream.answer = std::min(stream.answer, *end);
    stream.end = std::min(stream.end, *end);
  }
  stream.position = begin;
  count_served();
  // Of two requests that waited for an answer at the same time one is enough.
  const auto rival = streams_.find(stream.rival);
  if (rival == streams_.end() || !rival->second.has_answer) return;
  const time_point spoke = stream.instead ? rival->second.last_byte : rival->second.answered;
  if (spoke < stream.started) return;
  if (!silent(rival->second, now)) stream.end = stream.position;
}

bool planner::whole_by_mistake(stream_id id) {
  const stream_state& stream = streams_.at(id);
  blob_state& blob = blobs_[stream.blob];
  if (stream.disowned || blob.ranges != range_support::yes) return false;
  const std::uint64_t here = blob.map->claimed();
  const bool again = blob.whole_at && here - *blob.whole_at < least_progress;
  blob.whole_at = here;
  return !again;
}

void planner::troubled(blob_id blob) { blobs_.at(blob).troubled = true; }

void planner::refused(stream_id id) {
  stream_state& useless = streams_.at(id);
  useless.end = useless.position;
  ranges_refused_ = true;
  if (useless.disowned) return;
  blob_state& blob = blobs_[useless.blob];
  blob.ranges = range_support::no;
  return_taken(blob, id);
}

void planner::return_taken(const blob_state& blob, stream_id id) {
  for (const stream_id other : blob.streams) {
    stream_state& stream = streams_.at(other);
    if (other != id && stream.kind == segment_kind::whole) stream.end = blob.size;
  }
}

bool planner::unsatisfied(stream_id id, time_point now) {
  stream_state& stream = streams_.at(id);
  blob_state& blob = blobs_[stream.blob];
  if (stream.disowned) return false;
  if (blob.ranges == range_support::no) return true;
  const std::uint64_t here = blob.map->claimed();
  // Where parts have come, one of several servers behind a name may be the one that has none.
  const bool served = blob.ranges == range_support::yes && here - blob.unsatisfied_with >= least_progress;
  if (!blob.unsatisfied_at || served) {
    blob.unsatisfied_at = now;
    blob.unsatisfied_with = here;
    if (blob.ranges == range_support::unknown) return_taken(blob, id);
    return false;
  }
  // Several that were asked at a time are one attempt.
  if (stream.started <= *blob.unsatisfied_at) return false;
  refused(id);
  if (!ranges_seen_) partless_.insert(blob.group);
  return true;
}

std::vector<byte_range> planner::received(stream_id id, time_point now, std::uint64_t bytes) {
  stream_state& stream = streams_.at(id);
  stream.rate.add(now, bytes);
  stream.last_byte = now;
  stream.bytes += bytes;
  stream.last_rate = stream.rate.rate(now);
  const byte_range range{stream.position, bytes};
  stream.position += bytes;
  if (stream.disowned) return {};
  if (bytes != 0) blobs_[stream.blob].troubled = false;
  std::vector<byte_range> mine = blobs_[stream.blob].map->claim(range);
  std::uint64_t fresh = 0;
  for (const byte_range& part : mine) fresh += part.length;
  outstanding_ -= fresh;
  if (stream.kind == segment_kind::hedge || stream.rival != 0) hedged_ += bytes - fresh;
  if (fresh != 0) progressed(stream, now);
  if (fresh != 0 && stream.instead) take_over(stream, now);
  return mine;
}

void planner::held_up(stream_id id, time_point now, bool waiting) {
  stream_state& stream = streams_.at(id);
  stream.held_up = waiting;
  stream.last_byte = now;
  if (waiting) {
    stream.rate.pause(now);
  } else {
    stream.paused += stream.rate.resume(now);
  }
}

void planner::storing(stream_id id, time_point now, bool waiting) {
  stream_state& stream = streams_.at(id);
  // The line gets its time from here on, and not for what it had to wait usually: that is part of its pace.
  if (!waiting && stream.storing_since && kept_by_us(stream, now)) {
    stream.last_byte = now;
    stream.rate.pause(*stream.storing_since);
    stream.paused += stream.rate.resume(now);
  }
  stream.storing_since.reset();
  if (waiting) stream.storing_since = now;
}

std::uint64_t planner::remaining(stream_id id) const {
  const stream_state& stream = streams_.at(id);
  if (stream.left() == 0 || stream.disowned) return 0;
  const byte_range rest{stream.position, stream.left()};
  return blobs_[stream.blob].map->claims(rest) ? 0 : rest.length;
}

bool planner::overtaken(stream_id id) const {
  const stream_state& stream = streams_.at(id);
  return stream.position < stream.answer && remaining(id) == 0;
}

void planner::ended(stream_id id) {
  const auto found = streams_.find(id);
  if (found == streams_.end()) return;
  const stream_state& stream = found->second;
  if (const auto rival = streams_.find(stream.rival); rival != streams_.end()) part(rival->second);
  if (stream.has_answer && !stream.ahead && !stream.behind && stream.bytes >= values_.small_blob) {
    const auto took = stream.last_byte - stream.answered - stream.paused;
    const double seconds = std::max(std::chrono::duration<double>(took).count(), least_measure);
    const double rate = static_cast<double>(stream.bytes) / seconds;
    usual_rate_ = usual_rate_ == 0 ? rate : 0.75 * usual_rate_ + 0.25 * rate;
  }
  const blob_id blob = stream.blob;
  std::erase(blobs_[blob].streams, id);
  if (stream.ahead) {
    --ahead_;
  } else {
    // Only an answer that was read to its end leaves a connection for the next request.
    if (stream.has_answer && stream.position == stream.answer) ++warm_;
    --active_[blobs_[blob].group];
  }
  streams_.erase(found);
  file(blob);
}

}  // namespace gantry::transfer
