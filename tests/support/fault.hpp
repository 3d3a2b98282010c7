#pragma once

#include "support/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace gantry::test {

/// One way in which a server can let its client down. Made by the functions below.
struct fault {
  enum class kind {
    answer,         ///< another status in place of the content
    truncate,       ///< the connection ends after some bytes of the body
    stall,          ///< no more bytes after some bytes of the body, the connection stays open
    reset,          ///< RST after some bytes of the body
    silence,        ///< no answer at all, the connection stays open, or ends with then_close
    wrong_bytes,    ///< a body of the right length with one byte changed
    ignore_range,   ///< 200 with everything
    refuse_range,   ///< 416 to a request with Range, the content to others
    content_range,  ///< 206 with another Content-Range
    chunked,        ///< the body in chunks, without its length
    surplus,        ///< more bytes than Content-Length says
    resize,         ///< an honest Content-Length of another size
    garbage,        ///< bytes that are not HTTP
    huge_header,    ///< a header field of that many bytes
    drip,           ///< the body in small pieces with pauses
    late,           ///< a pause before the answer
    endless_head,   ///< the head begins and goes on with the same text until the client leaves
    endless_body,   ///< in chunks: the content and then more of it until the client leaves
  };

  kind what = kind::answer;
  std::uint64_t amount = 0;  ///< bytes, as the kind needs them
  bool then_close = false;   ///< with ignore_range: the connection ends after amount bytes of the body; with silence: at once
  unsigned status = 0;
  header_list headers;
  std::string body;   ///< with endless_head: how the head begins
  std::string again;  ///< with endless_head: what follows, over and over, a pause after each
  std::chrono::milliseconds pause{0};
  std::function<std::string(std::uint64_t first, std::uint64_t last, std::uint64_t total)> range_text;
};

fault answer_with(unsigned status, header_list headers = {}, std::string body = {});
/// 429 with `Retry-After`; empty leaves the header out.
fault too_many_requests(const std::string& retry_after);
/// 307 to \p location; `{self}` in it becomes the request's own URL.
fault redirect_to(const std::string& location, unsigned status = 307);
fault truncate_after(std::uint64_t bytes);
fault stall_after(std::uint64_t bytes);
fault reset_after(std::uint64_t bytes);
fault no_answer();
/// No answer, and the connection ends.
fault hang_up();
/// Changes the byte at \p offset of the body.
fault wrong_byte_at(std::uint64_t offset = 0);
fault range_ignored();
/// The same, and the connection ends after \p bytes of the body.
fault range_ignored_and_cut(std::uint64_t bytes);
/// 416 to whoever wants a part. \p content_range of that answer; empty leaves it out.
fault ranges_refused(const std::string& content_range = {});
fault content_range_of(std::function<std::string(std::uint64_t first, std::uint64_t last, std::uint64_t total)> text);
/// Whole or part, in chunks and without Content-Length.
fault in_chunks();
/// \p bytes more than Content-Length says.
fault surplus_of(std::uint64_t bytes);
/// Cuts or pads the content to \p bytes and says so.
fault resized_to(std::uint64_t bytes);
fault not_http();
fault header_of(std::uint64_t bytes);
/// 103 Early Hints (RFC 8297) without end, and no final answer.
fault endless_hints();
/// 200, and then one header field after the other without end.
fault endless_header();
/// 200, and then a header field that grows by a byte after each \p pause, without end.
fault dripping_header(std::chrono::milliseconds pause);
/// The content in chunks, and after it chunks without end.
fault endless_body();
fault late_by(std::chrono::milliseconds pause);
fault drip_of(std::uint64_t bytes, std::chrono::milliseconds pause);

}  // namespace gantry::test
