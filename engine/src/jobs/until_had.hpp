#pragma once

#include "base/failure.hpp"
#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "transfer/context.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace gantry::jobs {

using runtime::task;

/// Waits for what somebody else has: tries \p attempt on a timer until it has something, so that no worker is blocked, and tells the user
/// when that takes more than a moment. errc::cancelled when the operation is stopped first.
/// \param attempt returns result<std::optional<T>>; blocking, runs on a files lane
template <class T, class Attempt>
task<result<T>> until_had(transfer::context& shared, transfer::operation& running, std::string told, Attempt attempt) {
  constexpr std::chrono::milliseconds pause{50};
  constexpr unsigned tries_before_telling = 20;
  for (unsigned tries = 0;; ++tries) {
    if (tries == tries_before_telling) running.events.emit(waiting{told});
    Attempt call = attempt;
    result<std::optional<T>> had = co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(call));
    if (!had) co_return had.error();
    if (*had) {
      if (tries >= tries_before_telling) running.resume_waiting();
      co_return std::move(**had);
    }
    const bool slept = co_await runtime::sleep_for(pause, running.stop);
    if (!slept) co_return failure(errc::cancelled, "stopped");
  }
}

}  // namespace gantry::jobs
