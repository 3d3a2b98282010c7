#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace gantry::http {

/// How one host wants to be treated, learnt from its answers: shared by all requests to it, whoever makes them. After a 429, or a 503 with
/// Retry-After, nothing is sent until the time is over; then one request tries, and with each that succeeds twice as many may wait for an
/// answer at once, so that those who waited do not fall upon the host together. Pure; time comes in as a parameter.
class governor {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// What is to be done with a request.
  struct advice {
    enum class kind {
      go,          ///< send it; it counts as under way until \ref answered or \ref lost
      wait,        ///< ask again after \ref pause
      wait_turn,   ///< ask again when another request has ended
      come_later,  ///< the host wants to be left alone for \ref pause, longer than the caller would wait
    };
    kind what = kind::go;
    std::chrono::milliseconds pause{0};
  };

  /// Whether an answer asks for fewer requests.
  static bool is_refusal(unsigned status, std::optional<std::chrono::seconds> retry_after) noexcept {
    return status == 429 || (status == 503 && retry_after);
  }

  /// \param named the request is a user's, known by name: a wait that was told to an earlier run, which had none, does not bind it
  advice ask(time_point now, std::chrono::milliseconds patience, bool named = false);
  /// The head of an answer is here. \param retry_after as retry_after_of says \param named as in \ref ask
  void answered(time_point now, unsigned status, std::optional<std::chrono::seconds> retry_after, bool named = false);
  /// A request ended without an answer.
  void lost() noexcept;

  /// Nothing is sent before this.
  time_point rests_until() const noexcept { return until_; }
  /// Told to an earlier run, to requests of nobody in particular.
  void rest_until(time_point when) noexcept;
  /// Whether the wait is one of \ref rest_until, of which nothing has been heard since.
  bool is_inherited() const noexcept { return inherited_; }
  /// Whether it was a user's request that was refused last: the wait is that user's.
  bool told_to_user() const noexcept { return told_to_user_; }

 private:
  time_point until_{};
  unsigned limit_ = 0;  ///< requests that may wait for an answer at once; 0: any number
  unsigned under_way_ = 0;
  unsigned refusals_ = 0;  ///< in a row, one for each burst
  bool inherited_ = false;
  bool told_to_user_ = false;
};

}  // namespace gantry::http
