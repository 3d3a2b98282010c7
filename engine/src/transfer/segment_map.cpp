#include "transfer/segment_map.hpp"

#include <algorithm>
#include <utility>

namespace gantry::transfer {

std::vector<byte_range> subtract(byte_range range, const byte_ranges& taken) {
  std::vector<byte_range> rest;
  std::uint64_t position = range.offset;
  const std::vector<byte_range>& list = taken.list();
  auto next = std::lower_bound(list.begin(), list.end(), position,
                               [](const byte_range& held, std::uint64_t offset) { return held.end() <= offset; });
  for (; next != list.end() && next->offset < range.end(); ++next) {
    if (next->offset > position) rest.push_back({position, next->offset - position});
    position = std::max(position, next->end());
  }
  if (position < range.end()) rest.push_back({position, range.end() - position});
  return rest;
}

segment_map::segment_map(std::uint64_t size, byte_ranges held)
    : size_(size), claimed_(held), written_(std::move(held)), claimed_bytes_(claimed_.total()) {
  if (!written_.list().empty() && written_.list().front().offset == 0) frontier_ = written_.list().front().end();
}

std::vector<byte_range> segment_map::claim(byte_range range) {
  std::vector<byte_range> mine = subtract(range, claimed_);
  for (const byte_range& part : mine) claimed_bytes_ += part.length;
  claimed_.add(range);
  return mine;
}

void segment_map::written(byte_range range) {
  written_.add(range);
  const byte_range& first = written_.list().front();
  if (first.offset == 0) frontier_ = first.end();
}

std::optional<byte_range> segment_map::first_gap(const byte_ranges& spoken_for, std::uint64_t from) const {
  std::uint64_t position = from;
  while (position < size_) {
    const std::vector<byte_range> unclaimed = subtract({position, size_ - position}, claimed_);
    if (unclaimed.empty()) return std::nullopt;
    const std::vector<byte_range> free = subtract(unclaimed.front(), spoken_for);
    if (!free.empty()) return free.front();
    position = unclaimed.front().end();
  }
  return std::nullopt;
}

}  // namespace gantry::transfer
