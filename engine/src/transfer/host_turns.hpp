#pragma once

#include "runtime/semaphore.hpp"

#include <map>
#include <string>
#include <utility>

namespace gantry::transfer {

/// Who may ask a registry now: one permit per request under way to it and to where it sends us, whatever operation it belongs to. Taken
/// before the permit for a connection of whatever registry, so that nobody holds one of those while he waits here. Used on the strand
/// alone.
class host_turns {
 public:
  /// \param each requests to one registry at once; at least 1
  explicit host_turns(unsigned each) : each_(each) {}

  /// \returns an empty permit when \p stop came first, as runtime::semaphore::acquire
  runtime::task<runtime::semaphore::permit> acquire(std::string registry, runtime::stop_source& stop) {
    // A map keeps its elements in their places.
    runtime::semaphore& turns = turns_.try_emplace(std::move(registry), each_).first->second;
    co_return co_await turns.acquire(1, stop);
  }

 private:
  unsigned each_;
  std::map<std::string, runtime::semaphore> turns_;
};

}  // namespace gantry::transfer
