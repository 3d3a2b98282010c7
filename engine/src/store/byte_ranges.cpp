#include "store/byte_ranges.hpp"

#include <algorithm>

namespace gantry::store {

void byte_ranges::add(byte_range range) {
  if (range.length == 0) return;
  // The first range that overlaps or touches the new one, and the first behind it that does not.
  const auto first = std::lower_bound(list_.begin(), list_.end(), range.offset,
                                      [](const byte_range& held, std::uint64_t offset) { return held.end() < offset; });
  auto last = first;
  while (last != list_.end() && last->offset <= range.end()) ++last;
  if (first == last) {
    list_.insert(first, range);
    return;
  }
  const std::uint64_t begin = std::min(first->offset, range.offset);
  const std::uint64_t end = std::max((last - 1)->end(), range.end());
  *first = {begin, end - begin};
  list_.erase(first + 1, last);
}

bool byte_ranges::covers(byte_range range) const noexcept {
  if (range.length == 0) return true;
  const auto behind = std::upper_bound(list_.begin(), list_.end(), range.offset,
                                       [](std::uint64_t offset, const byte_range& held) { return offset < held.offset; });
  return behind != list_.begin() && (behind - 1)->end() >= range.end();
}

std::uint64_t byte_ranges::total() const noexcept {
  std::uint64_t sum = 0;
  for (const byte_range& held : list_) sum += held.length;
  return sum;
}

std::vector<byte_range> byte_ranges::gaps(std::uint64_t size) const {
  std::vector<byte_range> missing;
  std::uint64_t position = 0;
  for (const byte_range& held : list_) {
    if (held.offset >= size) break;
    if (held.offset > position) missing.push_back({position, held.offset - position});
    position = held.end();
  }
  if (position < size) missing.push_back({position, size - position});
  return missing;
}

}  // namespace gantry::store
