#pragma once

#include <gantry/digest.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace gantry::store {

// The journal of a partial blob (DESIGN section 4): which pieces of the data file were written and what they hashed to. All integers are
// little endian. A piece counts only while the bytes on disk still match, so neither file is forced to disk on the way.
//
// header (96 bytes): magic "gantryJ\n", version u32, algorithm u32 (1 sha256, 2 sha512), blob size u64, digest 64 bytes (zero padded),
//                    XXH3 of the 88 bytes before u64
// record (32 bytes): offset u64, length u64, XXH3 of the piece u64, XXH3 of the 24 bytes before, seeded with the header's checksum, u64

/// Pieces are not longer than this.
inline constexpr std::uint64_t journal_piece_bytes = std::uint64_t{4} << 20;
/// A journal longer than this is not ours: 2 TiB of whole pieces fit.
inline constexpr std::size_t journal_cap_bytes = std::size_t{16} << 20;
inline constexpr std::size_t journal_header_bytes = 96;
inline constexpr std::size_t journal_record_bytes = 32;

struct journal_record {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint64_t checksum = 0;  ///< XXH3 (64 bits) of the piece

  friend bool operator==(const journal_record&, const journal_record&) = default;
};

/// Writes and reads the journal of one blob. Pure.
class journal_codec {
 public:
  journal_codec(const digest& blob, std::uint64_t size);

  std::span<const std::byte, journal_header_bytes> header() const noexcept { return header_; }
  std::array<std::byte, journal_record_bytes> encode(const journal_record& record) const noexcept;

  /// The sound records of \p journal in their order: checksum right, length from 1 to \ref journal_piece_bytes, inside the blob. Damaged
  /// records and a torn tail are left out. \returns nothing when the header is torn, of another version or of another blob.
  std::optional<std::vector<journal_record>> decode(std::span<const std::byte> journal) const;

 private:
  std::uint64_t size_;
  std::uint64_t seed_;
  std::array<std::byte, journal_header_bytes> header_;
};

/// Streaming XXH3 (64 bits).
class piece_hasher {
 public:
  piece_hasher();
  piece_hasher(piece_hasher&&) noexcept = default;
  piece_hasher& operator=(piece_hasher&&) noexcept = default;
  ~piece_hasher();

  void reset() noexcept;
  void update(std::span<const std::byte> bytes) noexcept;
  std::uint64_t value() const noexcept;

 private:
  struct release {
    void operator()(void* state) const noexcept;
  };
  std::unique_ptr<void, release> state_;
};

}  // namespace gantry::store
