#pragma once

#include "store/byte_ranges.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace gantry::transfer {

using store::byte_range;
using store::byte_ranges;

/// Which bytes of one blob are there, and who may write the rest (DESIGN section 3, "Every byte has one owner"). A byte is claimed by the
/// request that has received it, before it is written, and never claimed again. Pure.
class segment_map {
 public:
  explicit segment_map(std::uint64_t size, byte_ranges held = {});

  std::uint64_t size() const noexcept { return size_; }
  /// Bytes claimed so far, held ones included.
  std::uint64_t claimed() const noexcept { return claimed_bytes_; }
  bool fully_claimed() const noexcept { return claimed_bytes_ == size_; }
  bool complete() const noexcept { return frontier_ == size_; }
  /// End of the prefix whose bytes are all written.
  std::uint64_t frontier() const noexcept { return frontier_; }

  /// The parts of \p range that nobody has claimed; they are the caller's now. Ascending, mostly one.
  std::vector<byte_range> claim(byte_range range);
  /// A claimed part has been written.
  void written(byte_range range);

  /// The first range at or behind \p from that is neither claimed nor among \p spoken_for, the ranges that requests under way will bring.
  std::optional<byte_range> first_gap(const byte_ranges& spoken_for, std::uint64_t from = 0) const;
  /// Whether all of \p range is claimed.
  bool claims(byte_range range) const noexcept { return claimed_.covers(range); }

 private:
  std::uint64_t size_;
  byte_ranges claimed_;
  byte_ranges written_;
  std::uint64_t claimed_bytes_;
  std::uint64_t frontier_ = 0;
};

/// The parts of \p range that are not in \p taken, ascending.
std::vector<byte_range> subtract(byte_range range, const byte_ranges& taken);

}  // namespace gantry::transfer
