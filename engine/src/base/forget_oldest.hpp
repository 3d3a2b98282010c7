#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace gantry {

/// Bounds a map whose keys strangers choose. Once it has more than \p most entries, those go that were of use longest ago, down to three
/// quarters of \p most, so that all of them are rarely looked at. Entries in use stay, however many there are.
/// \param last_use of a value: something with an order \param in_use whether a value has to stay
template <class Map, class LastUse, class InUse>
void forget_oldest(Map& map, std::size_t most, LastUse last_use, InUse in_use) {
  if (map.size() <= most) return;
  std::vector<typename Map::iterator> idle;
  for (auto entry = map.begin(); entry != map.end(); ++entry) {
    if (!in_use(entry->second)) idle.push_back(entry);
  }
  const std::size_t surplus = std::min(idle.size(), map.size() - most + most / 4);
  const auto end = idle.begin() + static_cast<std::ptrdiff_t>(surplus);
  std::nth_element(idle.begin(), end, idle.end(), [&](const auto& a, const auto& b) { return last_use(a->second) < last_use(b->second); });
  for (auto one = idle.begin(); one != end; ++one) map.erase(*one);
}

}  // namespace gantry
