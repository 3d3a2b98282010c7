#include "transfer/connection_controller.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {
namespace {

// A line this slow, bytes per second, is not made faster by sharing it (DESIGN section 7); so long it must be seen to be.
constexpr double narrow_line = 64 * 1024;
constexpr std::chrono::seconds narrow_patience{1};

constexpr double worth_growing = 1.10;
constexpr double worth_keeping = 1.05;
constexpr double no_loss = 0.98;
constexpr unsigned flat_rounds_to_settle = 3;
constexpr unsigned step = 2;
// One refusal below what was served may be the order in which answers came.
constexpr unsigned chances_to_believe = 2;

}  // namespace

void connection_controller::begin_round(time_point now, std::uint64_t received) {
  round_start_ = now;
  round_received_ = received;
  swamped_ = true;
}

void connection_controller::settle(unsigned target, concurrency_reason why) {
  if (target != target_) reason_ = why;
  settle(target);
}

void connection_controller::settle(unsigned target) {
  discard_ = discard_ || target != target_;
  target_ = best_target_ = target;
  phase_ = phase::settled;
}

unsigned connection_controller::ceiling(time_point now) const noexcept {
  const bool remembered = too_many_ != 0 && now - too_many_since_ < values_.refusal_memory;
  return remembered ? std::clamp(too_many_ - 1, 1u, values_.cap) : values_.cap;
}

void connection_controller::sample(time_point now, std::uint64_t received, std::chrono::nanoseconds round_trip, unsigned active,
                                   bool swamped) {
  // A round with idle connections measures the work that was there, not the line; one with more than wanted measures another count.
  const bool speaks = phase_ == phase::growing ? active >= target_ : active == target_;
  const bool rests = (phase_ == phase::growing && calms_down(now)) || (chances_ != 0 && now - chance_at_ < values_.refusal_burst);
  if (!speaks || rests) return begin_round(now, received);
  std::chrono::nanoseconds round = std::max<std::chrono::nanoseconds>(values_.least_round, 4 * round_trip);
  if (phase_ == phase::settled && !discard_) round = std::max<std::chrono::nanoseconds>(values_.probe_interval, round);
  const std::chrono::nanoseconds elapsed = now - round_start_;
  swamped_ = swamped_ && swamped;
  if (elapsed < round) return;
  // Silence is an outage or a wait for the first header, and tells nothing about counts.
  if (received == round_received_ || discard_) {
    discard_ = discard_ && received == round_received_;
    return begin_round(now, received);
  }
  const double rate = static_cast<double>(received - round_received_) / std::chrono::duration<double>(elapsed).count();
  if (rate < narrow_line && elapsed < narrow_patience) return;
  decide(now, rate);
  begin_round(now, received);
}

void connection_controller::decide(time_point now, double rate) {
  rate_ = rate;
  if (rate < narrow_line) {
    narrow_ = true;
    return settle(1, concurrency_reason::narrow_line);
  }
  const bool was_narrow = narrow_;
  if (narrow_) {
    // It was an outage, or the line has recovered: look anew.
    narrow_ = false;
    grow_anew();
  }
  switch (phase_) {
    case phase::growing:
      if (swamped_) {
        best_rate_ = rate;
        settle(target_);
      } else if (rate >= best_rate_ * worth_growing) {
        best_rate_ = rate;
        best_target_ = target_;
        measured_ = std::max(measured_, target_);
        flat_rounds_ = 0;
        // What a refusal took was measured before.
        const unsigned grown = std::min(std::max(target_ * 2, std::exchange(lost_, 0)), ceiling(now));
        if (grown != target_) reason_ = was_narrow ? concurrency_reason::line_widened : concurrency_reason::faster;
        target_ = grown;
      } else if (++flat_rounds_ >= flat_rounds_to_settle) {
        settle(best_target_, concurrency_reason::no_faster);
      }
      return;
    case phase::settled:
      // The line changes with time; what it gives now is what the next look is compared with. Small losses must not add up unseen, though.
      best_rate_ = went_down_ ? std::max(best_rate_, rate) : rate;
      return look_around(now);
    case phase::up:
      if (rate < best_rate_ * worth_keeping) return settle(best_target_, concurrency_reason::trial_lost);
      went_down_ = false;
      return settle(target_);
    case phase::down:
      went_down_ = rate >= best_rate_ * no_loss;
      return settle(went_down_ ? target_ : best_target_, concurrency_reason::trial_lost);
  }
}

void connection_controller::look_around(time_point now) {
  const unsigned most = ceiling(now);
  if (up_next_ && target_ < most && !swamped_) {
    target_ = std::min(target_ + step, most);
    phase_ = phase::up;
    reason_ = concurrency_reason::trying_more;
    discard_ = true;
  } else if (target_ > step) {
    // From three to one would be a loss of two thirds for the time of a look.
    target_ = std::max(target_ - step, step);
    phase_ = phase::down;
    reason_ = concurrency_reason::trying_less;
    discard_ = true;
  }
  up_next_ = !up_next_;
}

void connection_controller::grow_anew() {
  phase_ = phase::growing;
  flat_rounds_ = 0;
  best_rate_ = 0;
  discard_ = false;
}

void connection_controller::serving(time_point now, unsigned answers) {
  if (answers >= served_ || now - served_at_ >= values_.refusal_memory) {
    served_ = answers;
    served_at_ = now;
  }
  if (refused_ == 0 || chances_ != 0 || answers <= refused_at_work_) return;
  // What was refused is served now.
  chances_ = 1;
  grow_back();
}

void connection_controller::grow_back() {
  too_many_ = 0;
  const unsigned best = std::max(measured_, std::exchange(lost_, 0));
  // A narrow line is not shared, whatever was served over it.
  if (narrow_ || target_ >= best) return;
  target_ = best;
  reason_ = concurrency_reason::faster;
  grow_anew();
}

void connection_controller::refused_by_chance(time_point now) {
  if (chances_ != 0 && now - chance_at_ < values_.refusal_burst) return;
  ++chances_;
  chance_at_ = now;
  // Where nothing was taken there is nothing to return to.
  const bool undone = too_many_ != 0 ? chances_ >= chances_to_believe : lost_ != 0;
  if (undone) grow_back();
}

void connection_controller::pushed_back(time_point now, unsigned requests) {
  // All requests of a burst are refused for the same reason.
  if (calms_down(now)) return;
  // Where refusals have been chance before, this one is believed when it comes again.
  const bool outdone = chances_ != 0 && requests > refused_at_work_ && requests != unknown;
  if (requests < served_ || outdone) {
    if (requests >= served_) refused_at_work_ = requests;
    return refused_by_chance(now);
  }
  refused_at_work_ = requests;
  const bool known = refused_ != 0 && now - refused_at_ < values_.refusal_memory;
  const bool again = known && chances_ == 0 && target_ > 1 && 2 * target_ > refused_ && target_ < 2 * refused_;
  if (again) {
    too_many_ = target_;
    too_many_since_ = now;
  }
  lost_ = again ? 0 : std::max(lost_, target_);
  chances_ = 0;
  refused_ = target_;
  refused_at_ = now;
  rate_ = 0;
  settle(std::max(1u, target_ / 2), concurrency_reason::refused);
  if (!again) grow_anew();
  up_next_ = true;
  went_down_ = false;
  round_start_ = now;
}

}  // namespace gantry::transfer
