#include "http/governor.hpp"

#include <algorithm>

namespace gantry::http {
namespace {

// DESIGN section 7, "backoff": for a host that does not say how long.
constexpr std::chrono::milliseconds first_pause{500};
constexpr std::chrono::milliseconds longest_pause{30'000};
// From here on the host is taken to have recovered.
constexpr unsigned wide_open = 64;

}  // namespace

governor::advice governor::ask(time_point now, std::chrono::milliseconds patience, bool named) {
  if (now < until_ && !(inherited_ && named)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until_ - now);
    return {left > patience ? advice::kind::come_later : advice::kind::wait, left};
  }
  if (limit_ != 0 && under_way_ >= limit_) return {advice::kind::wait_turn, {}};
  ++under_way_;
  return {};
}

void governor::answered(time_point now, unsigned status, std::optional<std::chrono::seconds> retry_after, bool named) {
  lost();
  if (is_refusal(status, retry_after)) {
    told_to_user_ = named;
    inherited_ = false;
    // The rest of a burst that was under way when the first was refused.
    if (now >= until_) ++refusals_;
    const auto usual = std::min(longest_pause, first_pause * (1 << std::min(refusals_ - 1, 6U)));
    const std::chrono::milliseconds pause = retry_after ? std::chrono::milliseconds(*retry_after) : usual;
    if (retry_after || now >= until_) until_ = std::max(until_, now + pause);
    limit_ = 1;
    return;
  }
  if (status >= 500 || limit_ == 0) return;
  refusals_ = 0;
  limit_ *= 2;
  if (limit_ >= wide_open) limit_ = 0;
}

void governor::lost() noexcept {
  if (under_way_ > 0) --under_way_;
}

void governor::rest_until(time_point when) noexcept {
  until_ = std::max(until_, when);
  limit_ = 1;
  inherited_ = true;
}

}  // namespace gantry::http
