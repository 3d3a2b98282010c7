#pragma once

#include "support/fake_registry.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <utility>
#include <vector>

namespace gantry::test {

/// The most requests that were at \p registry at once and had no answer yet, since they were last forgotten.
inline std::size_t at_once(const fake_registry& registry) {
  using moment = std::chrono::steady_clock::time_point;
  std::vector<std::pair<moment, int>> changes;  // at the same moment ends come before beginnings
  for (const recorded_request& one : registry.requests()) {
    changes.emplace_back(one.came, 1);
    if (one.answered != moment()) changes.emplace_back(one.answered, -1);
  }
  std::sort(changes.begin(), changes.end());
  int here = 0;
  int most = 0;
  for (const auto& [when, change] : changes) {
    here += change;
    most = std::max(most, here);
  }
  return static_cast<std::size_t>(most);
}

}  // namespace gantry::test
