#include "http/head_parser.hpp"

#include "http/head_check.hpp"

#include <fmt/format.h>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace gantry::http {
namespace {

namespace beast = boost::beast::http;

result<response_head> parse_checked(std::string_view raw) {
  beast::response_parser<beast::empty_body> parser;
  parser.header_limit(std::numeric_limits<std::uint32_t>::max());  // the caller has counted
  parser.body_limit(boost::none);
  parser.skip(true);
  error_code ec;
  parser.put(boost::asio::buffer(raw.data(), raw.size()), ec);
  if (ec || !parser.is_header_done()) {
    return failure(errc::protocol_error, fmt::format("the HTTP head is refused: {}", ec ? ec.message() : "it is incomplete"));
  }
  const auto& message = parser.get();
  response_head head;
  head.status = message.result_int();
  head.reason.assign(message.reason().data(), message.reason().size());
  head.keep_alive = message.keep_alive();
  for (const auto& field : message) {
    head.headers.push_back(
        {std::string(field.name_string().data(), field.name_string().size()), std::string(field.value().data(), field.value().size())});
  }
  return head;
}

/// RFC 9112 section 6.3, without CONNECT.
result<void> decide_framing(response_head& head, method asked) {
  const auto lengths = head.all("Content-Length");
  if (!lengths.empty()) {
    const auto length = parse_content_length(lengths);
    if (!length) return length.error();
    head.announces_length = true;
    head.announced_content_length = *length;
  }
  if (asked == method::head || head.status == 204 || head.status == 304) {
    head.framing = body_framing::none;
  } else if (head.find("Transfer-Encoding") != nullptr) {
    head.framing = body_framing::chunked;
  } else if (head.announces_length) {
    head.framing = body_framing::length;
    head.content_length = head.announced_content_length;
  } else {
    head.framing = body_framing::until_close;
    head.keep_alive = false;
  }
  return {};
}

}  // namespace

result<std::size_t> head_parser::feed(std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  while (!done_ && taken < bytes.size()) {
    const std::byte* const begin = bytes.data() + taken;
    const std::byte* const end = bytes.data() + bytes.size();
    const std::byte* const newline = std::find(begin, end, std::byte{'\n'});
    const auto piece = static_cast<std::size_t>((newline == end ? end : newline + 1) - begin);
    raw_.append(reinterpret_cast<const char*>(begin), piece);
    total_ += piece;
    taken += piece;
    // Something else than HTTP is recognised at its first bytes, not when the limit is reached.
    constexpr std::string_view magic = "HTTP/1.";
    if (const auto length = std::min(raw_.size(), magic.size()); std::string_view(raw_).substr(0, length) != magic.substr(0, length)) {
      foreign_ = true;
      return failure(errc::protocol_error, "the answer is not HTTP/1.1");
    }
    if (raw_.size() > head_limit || total_ > total_limit) {
      return failure(errc::limit_exceeded, fmt::format("the head of the answer is larger than {} KiB",
                                                       (raw_.size() > head_limit ? head_limit : total_limit) / 1024));
    }
    if (newline == end) break;
    if (!raw_.ends_with("\r\n")) return failure(errc::protocol_error, "the HTTP head is refused: a line does not end in CR LF");
    if (!raw_.ends_with("\r\n\r\n")) continue;
    if (auto finished = finish_head(); !finished) return finished.error();
  }
  return taken;
}

result<void> head_parser::finish_head() {
  if (auto checked = check_head(raw_, head_kind::response); !checked) return checked.error();
  auto parsed = parse_checked(raw_);
  if (!parsed) return parsed.error();
  raw_.clear();
  if (parsed->status == 101) return failure(errc::protocol_error, "the server switched to another protocol unasked");
  if (parsed->status < 200) return {};
  if (auto framed = decide_framing(*parsed, asked_); !framed) return framed.error();
  head_ = std::move(*parsed);
  raw_.shrink_to_fit();
  done_ = true;
  return {};
}

}  // namespace gantry::http
