#pragma once

#include <gantry/events.hpp>

#include <chrono>
#include <cstdint>
#include <limits>

namespace gantry::transfer {

/// How many connections are worth having (PERFORMANCE, "Adaptive count"): starts at four, doubles while the whole gains a tenth, settles
/// after three rounds without gain, then looks two up and two down now and then. Pure; time comes in as a parameter.
class connection_controller {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct settings {
    unsigned start = 4;
    unsigned cap = 16;
    std::chrono::milliseconds least_round{200};
    std::chrono::milliseconds probe_interval{2000};
    /// One burst of refusals is one refusal.
    std::chrono::milliseconds refusal_burst{1000};
    /// How long a count that was refused twice is not tried again, and how long the first time is remembered.
    std::chrono::seconds refusal_memory{60};
  };

  connection_controller(settings values, time_point now)
      : values_(values), target_(values.start), best_target_(values.start), round_start_(now) {}

  unsigned target() const noexcept { return target_; }
  /// Why it is what it is, and the rate of the whole, bytes per second, that decided it; 0: none was measured.
  concurrency_reason reason() const noexcept { return reason_; }
  std::uint64_t rate() const noexcept { return static_cast<std::uint64_t>(rate_); }

  /// Tells how much has been received in all and how many connections are at work; call it a few times per round. Only time with as many
  /// at work as \ref target says something.
  /// \param swamped more has been received than can be hashed; more connections would only receive more of that
  void sample(time_point now, std::uint64_t received, std::chrono::nanoseconds round_trip, unsigned active, bool swamped = false);

  /// The registry is certainly answering so many requests at once. To be told before each \ref sample.
  void serving(time_point now, unsigned answers);

  static constexpr unsigned unknown = std::numeric_limits<unsigned>::max();
  /// The registry asked for less: 429 or 503. Halves the count. The first time it may be chance, and the count grows back after
  /// settings::refusal_burst; what is refused again at about the same count stays the ceiling for settings::refusal_memory. A registry that
  /// answers more at once than when it refused, before or after, did not mean their number: the count stays, or returns to what it was.
  /// \param requests that it may have been at work on at most, besides the refused one; by default nothing is known of them
  void pushed_back(time_point now, unsigned requests = unknown);

 private:
  enum class phase {
    growing,  ///< doubling
    settled,  ///< at the best count, waiting to look around
    up,       ///< trying two more
    down,     ///< trying two fewer
  };
  void begin_round(time_point now, std::uint64_t received);
  void decide(time_point now, double rate);
  void settle(unsigned target);
  void settle(unsigned target, concurrency_reason why);
  void look_around(time_point now);
  /// Looks for the best count as at the start.
  void grow_anew();
  void refused_by_chance(time_point now);
  /// To the best count known, since what was refused is no limit.
  void grow_back();
  bool calms_down(time_point now) const noexcept { return refused_ != 0 && now - refused_at_ < values_.refusal_burst; }
  unsigned ceiling(time_point now) const noexcept;

  settings values_;
  phase phase_ = phase::growing;
  unsigned target_;
  unsigned best_target_;
  double best_rate_ = 0;
  concurrency_reason reason_ = concurrency_reason::faster;
  double rate_ = 0;
  unsigned flat_rounds_ = 0;
  time_point round_start_;
  std::uint64_t round_received_ = 0;
  bool discard_ = false;  ///< the round under way sees connections being opened or closed
  bool swamped_ = true;   ///< all samples of the round said so
  bool narrow_ = false;   ///< the line is so slow that it is not shared
  bool up_next_ = true;
  bool went_down_ = false;  ///< the last look found that fewer do as well
  unsigned refused_ = 0;    ///< the count when the last refusal came; 0: none has
  time_point refused_at_{};
  unsigned refused_at_work_ = 0;  ///< how many requests it may have been at work on then
  unsigned too_many_ = 0;         ///< a count that was refused twice; 0: none known
  time_point too_many_since_{};
  unsigned served_ = 0;     ///< the most that were served at once within settings::refusal_memory
  time_point served_at_{};  ///< when so many were seen last
  unsigned measured_ = 0;   ///< the highest count that was worth it
  unsigned lost_ = 0;       ///< the count before refusals that may be chance; 0: it has been tried again
  unsigned chances_ = 0;    ///< refusals found to be chance since the last that was none
  time_point chance_at_{};  ///< when the last of them came
};

}  // namespace gantry::transfer
