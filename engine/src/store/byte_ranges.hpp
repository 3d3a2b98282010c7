#pragma once

#include <cstdint>
#include <vector>

namespace gantry::store {

/// Bytes [offset, offset + length) of a blob.
struct byte_range {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;

  std::uint64_t end() const noexcept { return offset + length; }
  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// A set of bytes as sorted, disjoint, non-adjacent, non-empty ranges.
class byte_ranges {
 public:
  /// Adds a range whose end does not overflow; merges with what it overlaps or touches.
  void add(byte_range range);

  /// Whether every byte of \p range is in the set; an empty range always is.
  bool covers(byte_range range) const noexcept;
  /// Bytes in the set.
  std::uint64_t total() const noexcept;
  const std::vector<byte_range>& list() const noexcept { return list_; }

  /// What is missing of [0, \p size), ascending.
  std::vector<byte_range> gaps(std::uint64_t size) const;

 private:
  std::vector<byte_range> list_;
};

}  // namespace gantry::store
