// The planner's decisions about requests that have no answer: how long one waits for its first byte, and which is made again.

#include "transfer/planner.hpp"

#include <algorithm>

namespace gantry::transfer {

/// Whether another may ask for the same bytes as well.
bool planner::repeatable(const stream_state& stream) const {
  if (divisible(stream)) return true;
  const bool alone = !stream.disowned && stream.rival == 0 && stream.kind != segment_kind::hedge;
  return alone && stream.position == 0 && blobs_[stream.blob].ranges != range_support::no && !ranges_refused_;
}

std::chrono::nanoseconds planner::patience_without_answer(stream_id id, time_point now) const {
  const stream_state& stream = streams_.at(id);
  // A blob that has not been served may have to be fetched by the server first: it gets twice the time.
  const unsigned unserved = blobs_[stream.blob].ranges == range_support::yes ? 0 : 1;
  const auto once = std::max<std::chrono::nanoseconds>(unheard, waits * longest_wait_);
  const unsigned doubts = others_bring(id, now) ? 0 : doubts_about(stream);
  return once * (1 << std::min(doubts + unserved, most_doublings));
}

bool planner::waits_alone(const stream_state& stream) const {
  // One of two requests for the same waits for the other, and what more than one may ask for is cut like any other.
  if (stream.has_answer || stream.ahead || replaceable(stream)) return false;
  if (stream.disowned || stream.rival != 0 || stream.kind == segment_kind::hedge) return false;
  const bool room = active() < values_.connections && !group_is_at_its_limit(stream.blob);
  return !room || !repeatable(stream);
}

std::chrono::nanoseconds planner::patience_alone(stream_id id, time_point now) const {
  const auto once = std::max<std::chrono::nanoseconds>(unheard, waits * longest_wait_);
  // Several are rather a server that is slow than as many dead connections.
  const unsigned company = others_unanswered(id, now) ? 1 : 0;
  return once * (1 << std::min(doubts_about(streams_.at(id)) + company, most_doublings));
}

bool planner::others_unanswered(stream_id id, time_point now) const {
  const std::size_t group = blobs_[streams_.at(id).blob].group;
  const auto waits_too = [&](const auto& entry) {
    const stream_state& other = entry.second;
    return entry.first != id && !other.has_answer && !other.ahead && !other.cut && blobs_[other.blob].group == group && silent(other, now);
  };
  return std::any_of(streams_.begin(), streams_.end(), waits_too);
}

bool planner::may_try(const stream_state& stream, time_point now) const {
  const auto found = trials_.find(blobs_[stream.blob].group);
  if (found == trials_.end()) return true;
  const trial& last = found->second;
  if (!last.pending || stream.blob == last.blob || stream.asked < last.outdone_before) return true;
  const auto once = std::max<std::chrono::nanoseconds>(unheard, waits * longest_wait_);
  return now - last.at >= once * (1 << std::min(last.number, most_doublings));
}

void planner::try_again(const stream_state& stream, time_point now) {
  trial& one = trials_[blobs_[stream.blob].group];
  if (stream.asked < one.outdone_before) return;
  one.number = one.pending ? one.number + 1 : 1;
  one.blob = stream.blob;
  one.at = now;
  one.pending = true;
}

void planner::settle_trial(const stream_state& stream, std::chrono::nanoseconds waited) {
  const std::size_t group = blobs_[stream.blob].group;
  heard_.insert(group);
  const auto found = trials_.find(group);
  if (found == trials_.end() || !found->second.pending) return;
  trial& last = found->second;
  if (stream.blob != last.blob || stream.asked < last.at) return;
  last.pending = false;
  // A server that takes its time for this one as well may do so for the others.
  if (waits * waited <= unheard) last.outdone_before = stream.asked;
}

bool planner::one_repeated_for_all(std::size_t group) const {
  if (heard_.contains(group)) return false;
  const auto repeats = [&](const auto& entry) {
    return entry.second.kind == segment_kind::hedge && !entry.second.disowned && blobs_[entry.second.blob].group == group;
  };
  return std::any_of(streams_.begin(), streams_.end(), repeats);
}

}  // namespace gantry::transfer
