// The planner's decisions about work that somebody already has: stealing and hedging, and what either costs.

#include "transfer/planner.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gantry::transfer {
namespace {

// Three per cent of all bytes may come twice or for nothing; where that is next to nothing, a small request.
constexpr std::uint64_t extra_share = 33;
constexpr std::uint64_t least_extra = std::uint64_t{64} << 10;
// What comes in so long waits in the buffers of both sides of a connection; socket_buffers at most, unless more is seen in those of this
// side.
constexpr double buffered_seconds = 0.02;
// A limit that nobody has waited for since does not bind.
constexpr std::chrono::seconds limit_memory{1};
// What a thief leaves to a stream that gives nothing: little enough to be hedged.
constexpr std::uint64_t stub = std::uint64_t{64} << 10;
// TCP and TLS.
constexpr double handshake_round_trips = 2;

}  // namespace

bool planner::worth_connecting(time_point now) {
  double rate = 0;
  for (auto& [id, stream] : streams_) rate += stream.rate.rate(now);
  if (rate <= 0) return true;
  // What the others would need: to receive it, and to wait for each answer.
  const double waiting =
      shortest_wait_seconds() * static_cast<double>(waiting_.size()) / static_cast<double>(std::max<std::size_t>(active(), 1));
  return static_cast<double>(outstanding_) / rate + waiting > (4 + handshake_round_trips) * round_trip_seconds();
}

std::size_t planner::at_work(time_point now) const {
  const auto patience = std::max<std::chrono::nanoseconds>(least_silence, 2 * round_trip());
  const auto works = [&](const auto& entry) {
    const stream_state& stream = entry.second;
    return !stream.ahead && (stream.has_answer || now - stream.last_byte < patience);
  };
  return static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), works));
}

bool planner::divisible(const stream_state& stream) const {
  if (stream.disowned || stream.rival != 0 || stream.kind == segment_kind::hedge) return false;
  const range_support ranges = blobs_[stream.blob].ranges;
  if (ranges == range_support::no) return false;
  if (ranges == range_support::yes || ranges_seen_) return true;
  // A plain stream whose answer is here may be helped too: if ranges turn out not to work, it gets its bytes back.
  return stream.has_answer && !ranges_refused_;
}

double planner::seconds_to_go(stream_state& stream, time_point now) const {
  // Whoever took over would wait for the same.
  if (kept_by_us(stream, now)) return 0;
  if (silent(stream, now)) return std::numeric_limits<double>::infinity();
  double rate = stream.rate.rate(now);
  // Nothing is known about a young stream: it is taken for as fast as the others.
  if (rate <= 0) rate = usual_rate_;
  return rate > 0 ? static_cast<double>(stream.left()) / rate : 0;
}

bool planner::is_limited(time_point now) const { return limited_at_ && now - *limited_at_ < limit_memory; }

std::optional<assignment> planner::steal(time_point now) {
  stream_state* victim = nullptr;
  double longest = 0;
  for (auto& [id, stream] : streams_) {
    if (!divisible(stream) || blobs_[stream.blob].troubled || group_is_full(stream.blob)) continue;
    if (stream.left() < here(stream, now) + 2 * at_least(values_.least_steal, blobs_[stream.blob].group, now)) continue;
    if (is_limited(now) && !silent(stream, now)) continue;
    const double time = seconds_to_go(stream, now);
    if (time <= longest) continue;
    longest = time;
    victim = &stream;
  }
  // The thief waits for a header first, and the victim loses its connection, since the rest of its answer is not worth reading: more than
  // that must be gained.
  const double wait = header_wait();
  if (victim == nullptr || longest < 2 * wait + 2 * round_trip_seconds() + 0.02) return std::nullopt;
  // Both are to end at the same time.
  const std::uint64_t least = at_least(values_.least_steal, blobs_[victim->blob].group, now);
  const auto left = static_cast<double>(victim->left());
  const double theirs = left / longest;
  const double ours = usual_rate_ > 0 ? usual_rate_ : theirs;
  const double share = ours + theirs > 0 ? (left - wait * theirs) * ours / (ours + theirs) : left / 2;
  const std::uint64_t most = victim->left() - std::max(stub, here(*victim, now));
  const std::uint64_t taken = std::clamp(static_cast<std::uint64_t>(share), least, most);
  const std::uint64_t lost = lost_by_cut(*victim, now, victim->end - taken);
  // To receive that takes time, too.
  if (ours > 0 && !silent(*victim, now) && longest < 2 * static_cast<double>(lost) / ours) return std::nullopt;
  if (lost > victim->charged && risk() + lost - victim->charged > allowance()) return std::nullopt;
  charge(*victim, lost);
  victim->end -= taken;
  const byte_range range{victim->end, taken};
  return start(now, victim->blob, range, segment_kind::steal);
}

/// What the stream will have without another request: whoever takes it makes it come twice.
std::uint64_t planner::here(const stream_state& stream, time_point now) const { return silent(stream, now) ? 0 : stream.unread; }

std::uint64_t planner::lost_by_cut(const stream_state& stream, time_point now, std::uint64_t end) const {
  if (!stream.has_answer || stream.answer <= end) return 0;
  const double rate = stream.last_rate > 0 ? stream.last_rate : usual_rate_;
  const auto seen = static_cast<double>(stream.unread);
  double bytes = rate * round_trip_seconds();
  if (silent(stream, now)) {
    // What was sent since it fell silent may all be on its way; nothing is when the other side is gone.
    const std::chrono::nanoseconds silence = now - stream.last_byte;
    bytes = silence < dead ? std::min(rate * std::chrono::duration<double>(silence).count(), static_cast<double>(socket_buffers)) : 0;
    bytes = std::max(bytes, seen);
  } else {
    bytes += std::max(std::min(rate * buffered_seconds, static_cast<double>(socket_buffers)), seen);
  }
  auto lost = static_cast<std::uint64_t>(bytes);
  // While it is gathering speed, as much again as it has brought.
  if (now - stream.answered < slow_start_round_trips * round_trip()) lost = std::max(lost, stream.bytes);
  return std::min(lost, stream.answer - end);
}

void planner::charge(stream_state& stream, std::uint64_t lost) {
  if (lost <= stream.charged) return;
  thrown_ += lost - stream.charged;
  stream.charged = lost;
}

double planner::header_wait() const noexcept {
  // Where answers usually take longer than a line does that is the server, for the next as well.
  const double server = usual_wait_ > std::chrono::duration<double>(longest_round_trip).count() ? usual_wait_ : 0;
  return std::max(shortest_wait_seconds(), server) + (warm_ > 0 ? 0 : handshake_round_trips * round_trip_seconds());
}

std::uint64_t planner::allowance() const noexcept { return std::max(wanted_ / extra_share, least_extra); }

std::uint64_t planner::risk() const noexcept {
  std::uint64_t bytes = hedged_ + thrown_;
  for (const auto& [id, stream] : streams_) bytes += stream.kind == segment_kind::hedge ? stream.left() : 0;
  return bytes;
}

double planner::seconds_worth_waiting(std::uint64_t left) const noexcept {
  const double expected = header_wait() + (usual_rate_ > 0 ? static_cast<double>(left) / usual_rate_ : 0);
  return 4 * expected + std::chrono::duration<double>(least_silence).count();
}

std::optional<assignment> planner::hedge(time_point now) {
  const std::uint64_t risked = risk();
  const std::uint64_t allowed = allowance();
  for (auto& [id, stream] : streams_) {
    const std::uint64_t left = stream.left();
    if (left == 0 || remaining(id) == 0 || group_is_full(stream.blob)) continue;
    // It is asked for again however much it is: when both answer, one of the answers is given up.
    const bool instead = given_up(stream, now);
    if (!instead && (!divisible(stream) || risked + left > allowed)) continue;
    if (is_limited(now) && !silent(stream, now)) continue;
    // A stream that crawls is as bad as a silent one.
    if (seconds_to_go(stream, now) < seconds_worth_waiting(left)) continue;
    const stream_id victim = id;
    // A hedge before this one may have brought a part.
    const std::optional<byte_range> gap = blobs_[stream.blob].map->first_gap(byte_ranges(), stream.position);
    if (!gap) continue;
    const byte_range range{gap->offset, std::min(gap->end(), stream.end) - gap->offset};
    const assignment given = start(now, stream.blob, range, segment_kind::hedge);
    stream.rival = given.stream;
    stream_state& rival = streams_.at(given.stream);
    rival.rival = victim;
    rival.instead = instead;
    return given;
  }
  return std::nullopt;
}

void planner::take_over(stream_state& hedge, time_point now) {
  hedge.instead = false;
  const auto rival = streams_.find(hedge.rival);
  if (rival == streams_.end()) return;
  stream_state& slower = rival->second;
  charge(slower, lost_by_cut(slower, now, slower.position));
  slower.end = slower.position;
  part(slower);
  part(hedge);
}

void planner::part(stream_state& stream) const {
  stream.rival = 0;
  stream.instead = false;
  if (stream.kind != segment_kind::hedge) return;
  const bool whole = stream.position == stream.bytes && stream.answer == blobs_[stream.blob].size;
  stream.kind = whole ? segment_kind::whole : segment_kind::segment;
}

}  // namespace gantry::transfer
