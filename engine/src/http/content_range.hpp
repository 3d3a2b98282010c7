#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::http {

/// A closed range of bytes.
struct byte_range {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  std::uint64_t size() const noexcept { return last - first + 1; }
  /// `bytes=first-last`, the Range header's value.
  std::string header_value() const;

  friend bool operator==(const byte_range&, const byte_range&) = default;
};

/// Content-Range of a 206 (RFC 9110 section 14.4).
struct content_range {
  byte_range range;
  std::optional<std::uint64_t> total;  ///< nothing for `*`

  friend bool operator==(const content_range&, const content_range&) = default;
};

/// Parses the Content-Range fields of an answer: exactly one, `bytes first-last/total`, first <= last < total. errc::range_refused.
result<content_range> parse_content_range(const std::vector<std::string_view>& values);

/// A 416 to a GET with `Range: bytes=first-last` of a blob of \p size bytes, which hold that range. errc::size_mismatch: its Content-Range,
/// `bytes */N` (RFC 9110 section 15.5.17), names another size; else errc::range_refused: the server gives no parts, at least not now. \p
/// size 0: not known.
failure unsatisfied_range(byte_range asked, std::uint64_t size, const response_head& answer);

/// What the body of an answer to a range request is.
enum class range_body {
  part,     ///< 206: the bytes of \ref range_answer::range, which starts where asked and may end sooner
  whole,    ///< 200 to a request from offset 0: the body is the blob from its first byte, so it serves as the single stream
  ignored,  ///< 200 to a request above offset 0: this origin knows no ranges; close it unread, or read and drop what is held
};

struct range_answer {
  range_body body = range_body::part;
  byte_range range;  ///< what the body holds
};

/// Judges the head of an answer with status 200 or 206 to a GET with `Range: bytes=first-last` (DESIGN section 3, Probe). \p size is the
/// blob's, from its descriptor.
///
/// errc::range_refused: a 206 that starts elsewhere, ends later than asked, names another total, comes as multipart/byteranges, without or
/// with more than one Content-Range, or with a Content-Length that is not its range's; a 416; and any other status. errc::size_mismatch: a
/// 200 whose Content-Length is not \p size.
result<range_answer> check_range_answer(byte_range asked, std::uint64_t size, const response_head& answer);

}  // namespace gantry::http
