#pragma once

#include "runtime/semaphore.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gantry::transfer {

/// Who may ask a registry now: one turn per request under way to it and to where it sends us, whatever operation it belongs to. Taken
/// before the permit for a connection of whatever registry, so that nobody holds one of those while he waits here. Used on the strand
/// alone.
class host_turns {
 public:
  /// \param each requests to one registry at once; at least 1
  explicit host_turns(unsigned each) : each_(each) {}

  /// Turns that were taken together; given back when destroyed. Empty when the wait was stopped.
  class held {
   public:
    explicit operator bool() const noexcept { return !permits_.empty(); }
    void reset() { permits_.clear(); }

    /// Takes one turn at each of \p registries out of these, as far as they go.
    held split(const std::vector<std::string>& registries) {
      held taken;
      for (const std::string& one : registries) {
        const auto mine = permits_.find(one);
        if (mine == permits_.end()) continue;
        taken.permits_.emplace(one, mine->second.split(1));
        if (!mine->second) permits_.erase(mine);
      }
      return taken;
    }

   private:
    friend class host_turns;
    std::multimap<std::string, runtime::semaphore::permit> permits_;
  };

  /// Waits for a turn at each of \p registries, at least one; where one is named more than once, for as many, but no more than there are.
  /// Whoever needs several must ask for them at once: they are waited for in the same order by all, so that no two wait for each other.
  /// \returns an empty object when \p stop came first
  runtime::task<held> acquire(std::vector<std::string> registries, runtime::stop_source& stop) {
    std::sort(registries.begin(), registries.end());
    held taken;
    for (auto one = registries.begin(); one != registries.end();) {
      const auto next = std::upper_bound(one, registries.end(), *one);
      const std::size_t count = std::min<std::size_t>(static_cast<std::size_t>(next - one), each_);
      // A map keeps its elements in their places.
      runtime::semaphore& turns = turns_.try_emplace(*one, each_).first->second;
      runtime::semaphore::permit mine = co_await turns.acquire(count, stop);
      if (!mine) co_return held();
      taken.permits_.emplace(*one, std::move(mine));
      one = next;
    }
    co_return taken;
  }

 private:
  std::size_t each_;
  std::map<std::string, runtime::semaphore> turns_;
};

}  // namespace gantry::transfer
