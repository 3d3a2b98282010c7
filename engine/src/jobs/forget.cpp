#include "jobs/forget.hpp"

#include "base/failure.hpp"
#include "runtime/lanes.hpp"
#include "runtime/signal.hpp"
#include "store/cleaner.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>

namespace gantry::jobs {

task<> forget(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::shared_ptr<store::content_store> store,
              std::set<digest> blobs, std::string origin) {
  if (blobs.empty()) co_return;
  // Others have the lock for moments; whoever cleans up has it for longer, and is not waited for.
  constexpr std::chrono::milliseconds pause{50};
  constexpr unsigned most_tries = 40;
  std::size_t left = blobs.size();
  bool unsure = false;
  for (unsigned tries = 0; tries < most_tries; ++tries) {
    auto attempt = [store, running, blobs]() -> result<std::optional<store::unneeded_rest>> {
      const auto lock = store->try_lock_gc();
      if (!lock) return lock.error();
      if (!*lock) return std::optional<store::unneeded_rest>();
      auto stay = store::remove_unneeded(*store, **lock, blobs, running->stop_flag());
      if (!stay) return stay.error();
      return std::optional(std::move(*stay));
    };
    const result<std::optional<store::unneeded_rest>> done =
        co_await runtime::offload(shared.lanes, runtime::lane::files, std::move(attempt));
    if (!done) break;
    if (*done) {
      left = (*done)->blobs.size();
      unsure = (*done)->unsure;
      break;
    }
    const bool slept = co_await runtime::sleep_for(pause, running->stop);
    if (!slept) break;
  }
  if (left == 0) co_return;
  const std::string them = left == 1 ? "it" : "them";
  const std::string way =
      unsure ? fmt::format("damaged names in it may need {}; 'gantry clean' says which, and removes {} once they are mended", them, them)
             : fmt::format("'gantry clean' removes {} after a day", them);
  running->events.emit(warning{fmt::format("{} blob{} of {} that no image needs stay{} in the store for now: {}", left,
                                           left == 1 ? "" : "s", origin, left == 1 ? "s" : "", way)});
}

}  // namespace gantry::jobs
