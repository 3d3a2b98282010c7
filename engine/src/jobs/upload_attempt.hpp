#pragma once

#include "base/failure.hpp"
#include "jobs/push_plan.hpp"
#include "transfer/operation.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace gantry::jobs {

/// An attempt to send a blob.
struct upload_attempt {
  std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now();
  std::optional<std::chrono::steady_clock::time_point> first;  ///< when bytes went out first
  std::optional<std::uint64_t> offset;                         ///< where the bytes began that were asked of the feed; none were
  std::uint64_t sent = 0;
};

/// Tells those who listen to \p running that \p attempt to send \p one is over. \param why it failed, or null
void tell_attempt(transfer::operation& running, const planned_blob& one, const upload_attempt& attempt, std::uint64_t connection,
                  const failure* why);

}  // namespace gantry::jobs
