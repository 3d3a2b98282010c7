#include "transfer/connection_controller.hpp"

#include <algorithm>

namespace gantry::transfer {
namespace {

constexpr double worth_growing = 1.10;
constexpr double worth_keeping = 1.05;
constexpr double no_loss = 0.98;
constexpr unsigned flat_rounds_to_settle = 3;
constexpr unsigned step = 2;

}  // namespace

void connection_controller::begin_round(time_point now, std::uint64_t received) {
  round_start_ = now;
  round_received_ = received;
}

void connection_controller::sample(time_point now, std::uint64_t received, std::chrono::nanoseconds round_trip, bool busy) {
  // A round with idle connections measures the work that was there, not the line.
  if (!busy) return begin_round(now, received);
  std::chrono::nanoseconds round = std::max<std::chrono::nanoseconds>(values_.least_round, 4 * round_trip);
  if (phase_ == phase::settled) round = values_.probe_interval;
  const std::chrono::nanoseconds elapsed = now - round_start_;
  if (elapsed < round) return;
  const double rate = static_cast<double>(received - round_received_) / std::chrono::duration<double>(elapsed).count();
  decide(now, rate);
  begin_round(now, received);
}

void connection_controller::decide(time_point, double rate) {
  switch (phase_) {
    case phase::growing:
      if (best_rate_ > 0 && rate < narrow_line) {
        target_ = best_target_ = 1;
        best_rate_ = rate;
        phase_ = phase::settled;
        return;
      }
      if (rate >= best_rate_ * worth_growing) {
        best_rate_ = rate;
        best_target_ = target_;
        flat_rounds_ = 0;
        target_ = std::min(target_ * 2, values_.cap);
      } else if (++flat_rounds_ >= flat_rounds_to_settle) {
        target_ = best_target_;
        phase_ = phase::settled;
      }
      return;
    case phase::settled:
      // The line changes with time; what it gives now is what the next look is compared with.
      best_rate_ = rate;
      if (up_next_ && target_ < values_.cap) {
        target_ = std::min(target_ + step, values_.cap);
        phase_ = phase::up;
      } else if (target_ > step) {
        target_ -= step;
        phase_ = phase::down;
      }
      up_next_ = !up_next_;
      return;
    case phase::up:
      if (rate >= best_rate_ * worth_keeping) {
        best_target_ = target_;
      } else {
        target_ = best_target_;
      }
      phase_ = phase::settled;
      return;
    case phase::down:
      if (rate >= best_rate_ * no_loss) {
        best_target_ = target_;
      } else {
        target_ = best_target_;
      }
      phase_ = phase::settled;
      return;
  }
}

void connection_controller::pushed_back(time_point now) {
  target_ = best_target_ = std::max(1u, target_ / 2);
  phase_ = phase::settled;
  up_next_ = true;
  round_start_ = now;
}

}  // namespace gantry::transfer
