#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry::http {

/// Decodes the chunked transfer coding (RFC 9112 section 7.1) from bytes as they come; does no I/O and holds no bytes.
///
/// Strict about line ends. Chunk extensions are dropped, 8 KiB of them per body; trailers are dropped, 32 KiB of them; sizes have at most
/// 15 digits. errc::protocol_error for malformed framing, errc::limit_exceeded above a cap.
class chunked_decoder {
 public:
  static constexpr std::size_t extension_limit = 8 * 1024;
  static constexpr std::size_t trailer_limit = 32 * 1024;

  struct step {
    std::size_t consumed = 0;  ///< bytes of the input that are dealt with
    std::size_t produced = 0;  ///< bytes of body written to the output
  };

  /// Decodes as much of \p in as \p out has room for. After the last chunk and its trailers nothing more is consumed. The two may overlap
  /// when out begins at or before in, so that a buffer can be decoded in place. Must not be called after an error.
  result<step> decode(std::span<const std::byte> in, std::span<std::byte> out);

  /// Whether the body and its trailers are complete.
  bool done() const noexcept { return state_ == state::done; }

 private:
  enum class state {
    size_first,    ///< before the first digit of a chunk size
    size,          ///< in the digits
    extension,     ///< in what follows the digits, dropped
    size_lf,       ///< after the CR of a size line
    data,          ///< in the bytes of a chunk
    data_cr,       ///< after them
    data_lf,       ///< after the CR behind them
    trailer_line,  ///< at the start of a trailer line
    trailer,       ///< in a trailer line, dropped
    trailer_lf,    ///< after its CR
    end_lf,        ///< after the CR of the last, empty line
    done,          ///< nothing more belongs to this body
  };

  result<void> take(unsigned char byte);

  state state_ = state::size_first;
  std::uint64_t size_ = 0;  ///< of the chunk being announced, then what is left of it
  std::size_t digits_ = 0;
  std::size_t extensions_ = 0;
  std::size_t trailers_ = 0;
};

}  // namespace gantry::http
