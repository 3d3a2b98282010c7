// The planner's decisions about streams that crawl or have fallen silent: for how long each is waited for, and which is cut.

#include "transfer/planner.hpp"

#include <algorithm>
#include <vector>

namespace gantry::transfer {
namespace {

using std::chrono::milliseconds;

// A disk that is busy for so long is slower than the line.
constexpr milliseconds long_store{150};
// Without an answer a server may be busy with the first byte: several times the longest wait so far is a silence, less is not.
constexpr milliseconds least_wait{1000};
// PERFORMANCE, "Tail": slower than this share of the others, or silent, for so long; twice as long for every time that it was of no use.
constexpr double slow_share = 0.3;
constexpr std::chrono::seconds slow_patience{2};

}  // namespace

/// Whether what keeps \p stream is not its line.
bool planner::kept_by_us(const stream_state& stream, time_point now) {
  return stream.held_up || (stream.storing_since && now - *stream.storing_since > long_store);
}

bool planner::silent(const stream_state& stream, time_point now) const {
  if (kept_by_us(stream, now)) return false;
  const auto silence = now - stream.last_byte;
  if (!stream.has_answer) return silence > std::max<std::chrono::nanoseconds>(least_wait, waits * longest_wait_);
  return silence > std::max<std::chrono::nanoseconds>(least_silence, 3 * round_trip());
}

/// Whether the stream's rate says something about its line.
bool planner::judged(const stream_state& stream, time_point now) const {
  return stream.has_answer ? now - stream.answered > rate_meter::window : silent(stream, now);
}

unsigned planner::doubts_about(const stream_state& stream) const noexcept {
  const blob_state& blob = blobs_[stream.blob];
  // Several that fall silent at a time say nothing about those that come after them; while nothing comes at all, one is tried for all.
  return blob.heard ? std::min(stream.doubt, blob.fruitless) : blob.fruitless;
}

std::chrono::nanoseconds planner::patience(unsigned doubts) const noexcept {
  // A new connection is slow by nature for some round trips.
  const auto once = std::max<std::chrono::nanoseconds>(slow_patience, slow_start_round_trips * round_trip());
  return once * (1 << std::min(doubts, most_doublings));
}

bool planner::others_bring(stream_id id, time_point now) const {
  const stream_state& stream = streams_.at(id);
  const auto brings = [&](const auto& entry) {
    const stream_state& other = entry.second;
    return entry.first != id && other.bytes != 0 && blobs_[other.blob].group == blobs_[stream.blob].group && !silent(other, now);
  };
  return std::any_of(streams_.begin(), streams_.end(), brings);
}

std::chrono::nanoseconds planner::patience_in_silence(stream_id id, time_point now) const {
  const stream_state& stream = streams_.at(id);
  const std::chrono::nanoseconds wait = patience(doubts_about(stream));
  // Where others bring bytes the line is not to blame.
  if (!others_bring(id, now)) return wait;
  return std::min(wait, std::max<std::chrono::nanoseconds>(dead, patience(0)));
}

void planner::progressed(const stream_state& stream, time_point now) {
  blob_state& blob = blobs_[stream.blob];
  blob.heard = true;
  if (blob.fruitless == 0) return;
  const double took = std::chrono::duration<double>(now - stream.answered).count();
  const bool fast = static_cast<double>(stream.bytes) >= took * slow_share * usual_rate_;
  if (stream.left() == 0 || (stream.bytes >= least_progress && fast)) blob.fruitless = 0;
}

bool planner::replaceable(const stream_state& stream) const {
  if (divisible(stream)) return true;
  const bool served = stream.has_answer || blobs_[stream.blob].ranges == range_support::yes;
  return stream.kind == segment_kind::hedge && !stream.disowned && served;
}

bool planner::given_up(const stream_state& stream, time_point now) const {
  if (stream.ahead || !silent(stream, now)) return false;
  const std::chrono::nanoseconds silence = now - stream.last_byte;
  const blob_state& blob = blobs_[stream.blob];
  const bool served = stream.has_answer || blob.ranges == range_support::yes;
  if (served && !blob.troubled && divisible(stream) && silence > dead) return true;
  return !stream.has_answer && repeatable(stream) && silence > unheard && !one_repeated_for_all(blob.group);
}

double planner::rate_of_others(time_point now) {
  std::vector<double> rates;
  for (auto& [id, stream] : streams_) {
    // Who waits behind others says nothing about the line.
    if (stream.ahead && !stream.has_answer) continue;
    // Who is too young to be judged stands for what connections usually do.
    const bool old_enough = judged(stream, now);
    const double rate = old_enough ? stream.rate.rate(now) : usual_rate_;
    if (rate > 0 || old_enough) rates.push_back(rate);
  }
  double median = 0;
  if (rates.size() >= 2) {
    std::sort(rates.begin(), rates.end());
    median = (rates[rates.size() / 2] + rates[(rates.size() - 1) / 2]) / 2;
  }
  // Where most connections idle, what each did before tells more than the few that are left: the line is theirs alone.
  return 2 * rates.size() <= values_.connections || rates.size() == 1 ? std::max(median, usual_rate_) : median;
}

std::vector<stream_id> planner::laggards(time_point now) {
  const double others = rate_of_others(now);
  std::vector<stream_id> slow;
  for (auto& [id, stream] : streams_) {
    if (stream.cut) continue;
    blob_state& blob = blobs_[stream.blob];
    // What is never said again: nothing is lost with the connection, and so nobody has to be faster.
    const bool alone = waits_alone(stream);
    const auto patient = stream.has_answer ? patience_in_silence(id, now)
                         : alone           ? patience_alone(id, now)
                                           : patience_without_answer(id, now);
    const bool mute = (stream.has_answer || !stream.ahead) && silent(stream, now) && now - stream.last_byte >= patient;
    if (!mute) {
      const bool fair = judged(stream, now) && !kept_by_us(stream, now) && !is_limited(now);
      if (!fair || stream.rate.rate(now) >= slow_share * others) {
        if (fair && stream.has_answer && others > 0 && !silent(stream, now)) blob.fruitless = 0;
        stream.slow_since.reset();
        continue;
      }
      if (!stream.slow_since) stream.slow_since = now;
      if (now - *stream.slow_since < patience(doubts_about(stream))) continue;
    }
    // A hedge that has no answer either stands in the way of the next.
    const bool vain = mute && stream.kind == segment_kind::hedge && !stream.disowned;
    stream.unanswered = mute && alone && remaining(id) != 0 && may_try(stream, now);
    if ((!vain && !stream.unanswered && !replaceable(stream)) || remaining(id) == 0) continue;
    // A little is a case for a hedge, unless it takes much longer than somebody else would.
    if (!mute && stream.left() <= values_.least_steal && seconds_to_go(stream, now) < seconds_worth_waiting(stream.left())) continue;
    slow.push_back(id);
    stream.cut = true;
    if (stream.unanswered) try_again(stream, now);
    blob.fruitless = std::max(blob.fruitless, doubts_about(stream) + 1);
    blob.heard = false;
    charge(stream, lost_by_cut(stream, now, stream.position));
  }
  return slow;
}

}  // namespace gantry::transfer
