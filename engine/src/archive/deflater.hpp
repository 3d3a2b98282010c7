#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace gantry::archive {

/// Compresses pieces of one deflate stream (RFC 1951) that do not refer to each other, so that several threads may work on one stream: a
/// piece ends on a byte boundary and is not the last of its stream. Equal pieces give equal bytes. Not thread-safe; does no I/O.
class piece_deflater {
 public:
  virtual ~piece_deflater() = default;
  piece_deflater(const piece_deflater&) = delete;
  piece_deflater& operator=(const piece_deflater&) = delete;

  /// Replaces \p out by the compressed \p piece, in stored blocks when compression does not shorten it noticeably.
  void deflate(std::span<const std::byte> piece, std::vector<std::byte>& out);

 protected:
  piece_deflater() = default;

 private:
  /// Compresses into \p out. \returns the bytes written, 0 when \p out is too small.
  virtual std::size_t compress(std::span<const std::byte> piece, std::span<std::byte> out) = 0;
};

/// By zlib, which is everywhere.
std::unique_ptr<piece_deflater> make_zlib_deflater();
/// By ISA-L, several times as fast; null where the build has none.
std::unique_ptr<piece_deflater> make_isal_deflater();
/// The fastest there is.
std::unique_ptr<piece_deflater> make_piece_deflater();

/// The most a stored block can hold: its length has 16 bits (RFC 1951 section 3.2.4).
inline constexpr std::size_t stored_block_limit = 65535;
/// Three header bits, filled up to a byte, then the length and its complement.
inline constexpr std::size_t stored_header_size = 5;
/// Writes the header of a stored block of \p length bytes that begins on a byte boundary and is not the last of its stream.
void put_stored_header(std::span<std::byte, stored_header_size> into, std::size_t length) noexcept;

}  // namespace gantry::archive
