// What a host is at work on, and what its refusals make of the next requests.
#include "transfer/planner.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace gantry::transfer {
namespace {

// Requests get larger with each refusal, up to eight times; for so long.
constexpr unsigned most_refusals = 3;
constexpr std::chrono::seconds refusal_memory{60};
// A refusal costs about as long: a pause, and the way to full speed.
constexpr double refusal_seconds = 2;

}  // namespace

bool planner::others_than(std::size_t group) const {
  return std::any_of(streams_.begin(), streams_.end(), [&](const auto& entry) { return blobs_[entry.second.blob].group != group; });
}

void planner::count_served() {
  if (streams_.empty() || others_than(blobs_[streams_.begin()->second.blob].group)) return;
  const auto sent = [](const auto& entry) {
    const stream_state& stream = entry.second;
    return stream.has_answer && stream.answer > stream.position + stream.unread + socket_buffers;
  };
  served_ = std::max(served_, static_cast<unsigned>(std::count_if(streams_.begin(), streams_.end(), sent)));
}

unsigned planner::served() {
  count_served();
  return std::exchange(served_, 0);
}

unsigned planner::served_at_most(blob_id blob) const {
  if (others_than(blobs_[blob].group)) return std::numeric_limits<unsigned>::max();
  const auto begun = [](const auto& entry) { return entry.second.is_asked || entry.second.has_answer; };
  return static_cast<unsigned>(std::count_if(streams_.begin(), streams_.end(), begun));
}

void planner::leave_alone(blob_id blob, time_point now, time_point until) {
  const std::size_t group = blobs_.at(blob).group;
  time_point& end = quiet_[group];
  refusals& those = refusals_[group];
  if (now - those.last >= refusal_memory) those.number = 0;
  if (now >= end) those.number = std::min(those.number + 1, most_refusals);
  those.last = now;
  end = std::max(end, until);
}

std::uint64_t planner::scarcity(std::size_t group, time_point now) const {
  const auto found = refusals_.find(group);
  if (found == refusals_.end() || now - found->second.last >= refusal_memory) return 1;
  return std::uint64_t{1} << found->second.number;
}

std::uint64_t planner::at_least(std::uint64_t usual, std::size_t group, time_point now) const {
  const auto meanwhile = static_cast<std::uint64_t>(refusal_seconds * usual_rate_);
  return std::clamp(meanwhile, usual, usual * scarcity(group, now));
}

}  // namespace gantry::transfer
