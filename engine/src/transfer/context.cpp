#include "transfer/context.hpp"

#include "base/format.hpp"

#include <fmt/format.h>

namespace gantry::transfer {

task<std::optional<failure>> back_off(operation& running, retry_policy& policy, std::string object, failure error, std::uint64_t progress) {
  if (running.stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  const auto delay = policy.after(error, progress, running.idle(), running.answered());
  if (!delay) {
    if (policy.failures() > 1) {
      failure last(error.code, fmt::format("{} (after {} attempts)", error.text.message(), policy.failures()), error.text.server_message());
      last.retry_after = error.retry_after;
      co_return last;
    }
    co_return error;
  }
  running.events.emit(retry_scheduled{std::move(object), policy.failures(), *delay, error.code, error.text.message()});
  const bool slept = co_await runtime::sleep_for(*delay, running.stop);
  if (!slept) co_return failure(errc::cancelled, "stopped");
  co_return std::nullopt;
}

}  // namespace gantry::transfer
