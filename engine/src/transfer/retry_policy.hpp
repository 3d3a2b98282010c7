#pragma once

#include "base/backoff.hpp"
#include "base/failure.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gantry::transfer {

/// Decides whether a request is worth another try, and when (DESIGN section 7). One object per segment or document; pure, time comes in as
/// a parameter.
///
/// Error answers (5xx, a range or a length that does not fit) are limited in number; transport errors and timeouts only by the budget, the
/// time without a new byte in the whole operation. Before the registry has answered at all, a refused connection or an unknown name is more
/// likely a typing error than an outage: these get two repetitions, and all of them where more attempts than usual are asked for, since
/// whoever does so waits for a registry that is about to start. Silence gets two, where others wait for their turn. 64 KiB of progress make
/// everything anew.
class retry_policy {
 public:
  static constexpr std::uint64_t progress_that_counts = 64 * 1024;
  static constexpr unsigned first_contact_attempts = 3;
  static constexpr unsigned usual_attempts = 6;

  struct parameters {
    unsigned attempts = usual_attempts;
    std::chrono::milliseconds first_delay{500};
    std::chrono::milliseconds budget{15 * 60'000};
    bool among_others = false;  ///< a registry that has never answered is given up soon
  };

  retry_policy(parameters values, std::uint32_t seed) : values_(values), backoff_({values.first_delay, std::chrono::seconds(30)}, seed) {}

  /// \param progress bytes that the attempt that failed has brought and nobody had before
  /// \param idle time since the operation received its last new byte
  /// \param answered whether the registry has answered in this operation before
  /// \returns the delay before the next attempt; nothing when it is over
  std::optional<std::chrono::milliseconds> after(const failure& error, std::uint64_t progress, std::chrono::milliseconds idle,
                                                 bool answered) {
    if (error.code != condition::retryable) return std::nullopt;
    if (progress >= progress_that_counts) progressed();
    ++failures_;
    const bool asked_to_wait = error.retry_after.has_value();
    if (is_error_answer(error.code) && !asked_to_wait && ++answers_ >= values_.attempts) return std::nullopt;
    if (!answered && is_first_contact(error.code) && failures_ >= contact_attempts(error.code)) return std::nullopt;
    std::chrono::milliseconds delay = backoff_.next();
    if (asked_to_wait) delay = std::max(delay, std::chrono::milliseconds(*error.retry_after));
    if (idle + delay > values_.budget) return std::nullopt;
    return delay;
  }

  /// Something was achieved: everything anew.
  void progressed() noexcept {
    failures_ = 0;
    answers_ = 0;
    backoff_.reset();
  }

  /// Failures since the last progress.
  unsigned failures() const noexcept { return failures_; }

 private:
  static bool is_error_answer(error_code code) noexcept {
    return code == errc::server_error || code == errc::range_refused || code == errc::rate_limited;
  }
  bool is_first_contact(error_code code) const noexcept {
    return code == errc::connection_refused || code == errc::name_not_resolved || (values_.among_others && code == errc::timed_out);
  }
  /// How often a registry that has never answered is asked.
  unsigned contact_attempts(error_code code) const noexcept {
    const bool patient = values_.attempts > usual_attempts && code != errc::timed_out;
    return patient ? values_.attempts : std::min(values_.attempts, first_contact_attempts);
  }

  parameters values_;
  backoff backoff_;
  unsigned failures_ = 0;
  unsigned answers_ = 0;
};

}  // namespace gantry::transfer
