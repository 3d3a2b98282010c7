#include "transfer/planner.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

// A request idles until its header comes; twenty times as long worth of data make that five per cent.
constexpr double round_trips_per_chunk = 20;

}  // namespace

std::uint64_t planner::missing(blob_id blob) const noexcept {
  const blob_state& state = blobs_[blob];
  return state.map ? state.map->size() - state.map->claimed() : state.size;
}

blob_id planner::add(std::uint64_t size, std::size_t group) {
  blob_state added;
  added.size = size;
  added.group = group;
  blobs_.push_back(std::move(added));
  outstanding_ += size;
  return blobs_.size() - 1;
}

void planner::open(blob_id blob, byte_ranges held) {
  disown(blob);
  blob_state& state = blobs_[blob];
  outstanding_ -= missing(blob);
  state.map.emplace(state.size, std::move(held));
  state.ranges = range_support::unknown;
  state.whole_at.reset();
  state.unsatisfied_at.reset();
  outstanding_ += missing(blob);
  wanted_ += missing(blob);
  file(blob);
}

void planner::drop(blob_id blob) {
  disown(blob);
  outstanding_ -= missing(blob);
  blobs_[blob].map.reset();
  blobs_[blob].size = 0;
  file(blob);
}

void planner::disown(blob_id blob) {
  for (const stream_id id : blobs_[blob].streams) {
    stream_state& stream = streams_.at(id);
    stream.disowned = true;
    stream.end = stream.position;
  }
}

void planner::file(blob_id blob) {
  blob_state& state = blobs_[blob];
  if (state.waiting) waiting_.erase(*state.waiting);
  state.waiting.reset();
  busy_.erase(blob);
  if (!state.map || state.map->fully_claimed()) return;
  if (!state.streams.empty()) {
    busy_.insert(blob);
    return;
  }
  const bool large = values_.in_order || state.size > values_.small_blob;
  state.waiting = rank{large, values_.in_order ? blob : large ? ~missing(blob) : state.size, blob};
  waiting_.insert(*state.waiting);
}

unsigned planner::connections_for(blob_id blob) const {
  const auto active = active_.find(blobs_[blob].group);
  return active != active_.end() ? active->second : 0;
}

bool planner::group_is_at_its_limit(blob_id blob) const { return values_.per_group != 0 && connections_for(blob) >= values_.per_group; }

bool planner::group_is_full(blob_id blob) const { return left_alone(blob) || group_is_at_its_limit(blob); }

std::optional<byte_range> planner::gap_of(blob_id blob) const {
  const blob_state& state = blobs_[blob];
  if (group_is_full(blob) || !state.map || state.map->fully_claimed()) return std::nullopt;
  // One request at a time until it is known that ranges work, and for good when they do not.
  const bool alone = state.troubled || state.ranges == range_support::no || (state.ranges == range_support::unknown && !ranges_seen_);
  if (alone && !state.streams.empty()) return std::nullopt;
  byte_ranges spoken_for;
  for (const stream_id id : state.streams) {
    const stream_state& stream = streams_.at(id);
    spoken_for.add({stream.position, stream.left()});
  }
  const std::optional<byte_range> gap = state.map->first_gap(spoken_for);
  if (gap && !state.streams.empty() && gap->offset > state.map->frontier() + values_.out_of_order) return std::nullopt;
  return gap;
}

std::uint64_t planner::chunk(std::size_t group, time_point now) {
  double rate = usual_rate_;
  for (auto& [id, stream] : streams_) rate = std::max(rate, stream.rate.rate(now));
  const double wanted = round_trips_per_chunk * shortest_wait_seconds() * rate;
  const std::uint64_t times = scarcity(group, now);
  const auto usual =
      static_cast<std::uint64_t>(std::clamp(wanted, static_cast<double>(values_.first_chunk), static_cast<double>(values_.largest_chunk)));
  const std::uint64_t size = std::min(usual * times, values_.largest_chunk);
  const std::uint64_t sharers = std::max(1u, values_.connections);
  // All segments under way must find room ahead of the prefix of one blob, and the prefix may lag a little.
  const std::uint64_t room = values_.out_of_order / 4 * 3 / sharers;
  // Near the end a connection takes its share of what remains, so that all end at once; a smaller one would only idle more often.
  const std::uint64_t share = outstanding_ / sharers;
  return std::max(std::min({size, room, share}), std::min(at_least(values_.last_chunk, group, now), room));
}

std::uint64_t planner::claimed(blob_id blob) const {
  const std::optional<segment_map>& map = blobs_.at(blob).map;
  return map ? map->claimed() : blobs_[blob].size;
}

std::optional<blob_id> planner::choose(std::optional<blob_id> last) const {
  const auto first = std::find_if(waiting_.begin(), waiting_.end(), [this](const rank& one) { return !group_is_full(one.blob); });
  if (values_.in_order) {
    for (const blob_id blob : busy_) {
      if (first != waiting_.end() && first->blob < blob) break;
      if (gap_of(blob)) return blob;
    }
    return first == waiting_.end() ? std::nullopt : std::optional(first->blob);
  }
  if (first != waiting_.end() && !first->large) return first->blob;
  // Who has worked on a blob goes on with it: in order, over a connection that leads where its bytes are.
  if (last && blobs_[*last].waiting && !group_is_full(*last)) return last;
  if (first != waiting_.end()) return first->blob;
  if (last && gap_of(*last)) return last;
  std::optional<blob_id> busiest;
  for (const blob_id blob : busy_) {
    if (busiest && missing(blob) <= missing(*busiest)) continue;
    if (gap_of(blob)) busiest = blob;
  }
  return busiest;
}

assignment planner::start(time_point now, blob_id blob, byte_range range, segment_kind kind, bool ahead) {
  assignment given{next_stream_++, blob, range, kind, ahead};
  const stream_state stream{.blob = blob,
                            .position = range.offset,
                            .end = range.end(),
                            .answer = range.end(),
                            .kind = kind,
                            .started = now,
                            .asked = now,
                            .answered = now,
                            .last_byte = now,
                            .ahead = ahead,
                            .rate = rate_meter(now),
                            .doubt = blobs_[blob].fruitless};
  streams_.emplace(given.stream, stream);
  blobs_[blob].streams.push_back(given.stream);
  if (ahead) {
    ++ahead_;
  } else {
    if (warm_ > 0) --warm_;
    ++active_[blobs_[blob].group];
  }
  file(blob);
  return given;
}

assignment planner::start_gap(time_point now, blob_id blob, byte_range gap) {
  blob_state& state = blobs_[blob];
  const std::uint64_t most = chunk(state.group, now);
  if (state.ranges == range_support::unknown && !ranges_seen_ && partless_.contains(state.group)) state.ranges = range_support::no;
  if (state.ranges == range_support::no) return start(now, blob, {0, state.size}, segment_kind::whole);
  // With one connection for good there is nobody to share with, and every request costs a round trip. A small blob is not cut up
  // beforehand, either: if it takes long, others can still help.
  const bool alone = values_.connections == 1 && !values_.adaptive;
  const bool all = alone || gap.length <= std::max(most + most / 2, state.size <= values_.first_chunk ? state.size : 0);
  if (all && gap.length == state.size) return start(now, blob, gap, segment_kind::whole);
  if (!all) gap.length = most;
  const bool known = state.ranges == range_support::yes || ranges_seen_;
  return start(now, blob, gap, known ? segment_kind::segment : segment_kind::probe);
}

std::optional<assignment> planner::next(time_point now, std::optional<blob_id> last) {
  std::erase_if(quiet_, [now](const auto& entry) { return entry.second <= now; });
  if (warm_ > 0 || worth_connecting(now)) {
    if (const std::optional<blob_id> blob = choose(last)) return start_gap(now, *blob, *gap_of(*blob));
    if (std::optional<assignment> stolen = steal(now)) return stolen;
  }
  return hedge(now);
}

std::uint64_t planner::brief() const noexcept {
  const double comes_with_a_request = usual_rate_ * shortest_wait_seconds();
  return static_cast<std::uint64_t>(
      std::clamp(comes_with_a_request, static_cast<double>(values_.small_blob), static_cast<double>(values_.first_chunk)));
}

std::optional<assignment> planner::next_ahead(time_point now) {
  if (values_.in_order || waiting_.empty()) return std::nullopt;
  const std::uint64_t most = brief();
  const blob_id blob = waiting_.begin()->blob;
  if (blobs_[blob].troubled || left_alone(blob) || blobs_[blob].size > most || missing(blob) != blobs_[blob].size) return std::nullopt;
  const auto ends_soon = [&](const auto& entry) {
    return !entry.second.ahead && entry.second.left() <= most && !silent(entry.second, now);
  };
  const auto places = static_cast<std::size_t>(std::count_if(streams_.begin(), streams_.end(), ends_soon));
  if (ahead_ >= places * values_.ahead) return std::nullopt;
  return start(now, blob, {0, blobs_[blob].size}, segment_kind::whole, true);
}

}  // namespace gantry::transfer
