#include "http/head_check.hpp"

#include "base/ascii.hpp"
#include "http/grammar.hpp"
#include "http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace gantry::http {
namespace {

bool is_version(std::string_view text) { return text == "HTTP/1.0" || text == "HTTP/1.1"; }

bool is_request_line(std::string_view line) {
  const std::size_t first = line.find(' ');
  const std::size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return false;
  const std::string_view target = line.substr(first + 1, last - first - 1);
  const bool printable = std::all_of(target.begin(), target.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f;
  });
  return is_token(line.substr(0, first)) && !target.empty() && printable && is_version(line.substr(last + 1));
}

bool is_status_line(std::string_view line) {
  // HTTP/1.1 200 reason
  return line.size() >= 13 && is_version(line.substr(0, 8)) && line[8] == ' ' && line[9] >= '1' && line[9] <= '9' && is_digit(line[10]) &&
         is_digit(line[11]) && line[12] == ' ' && is_field_text(line.substr(13));
}

failure refuse(std::string_view reason) { return {errc::protocol_error, fmt::format("the HTTP head is refused: {}", reason)}; }

}  // namespace

result<void> check_head(std::string_view head, head_kind kind) {
  std::vector<std::string_view> lengths;
  std::size_t encodings = 0;
  bool old_version = false;

  for (bool first = true; !head.empty(); first = false) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return refuse("a line does not end in CR LF");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.find_first_of("\r\n") != std::string_view::npos) return refuse("it holds a lone CR or LF");

    if (first) {
      if (kind == head_kind::request ? !is_request_line(line) : !is_status_line(line)) return refuse("its first line is malformed");
      old_version = kind == head_kind::request ? line.ends_with("HTTP/1.0") : line.starts_with("HTTP/1.0");
      continue;
    }
    if (line.empty()) {
      if (!head.empty()) return refuse("it goes on after its blank line");
      if (!lengths.empty()) {
        if (encodings > 0) return refuse("it has both Content-Length and Transfer-Encoding");
        const auto length = parse_content_length(lengths);
        if (!length) return length.error();
      }
      if (encodings > 1) return refuse("it has several Transfer-Encodings");
      if (encodings > 0 && old_version) return refuse("it has a Transfer-Encoding in HTTP/1.0");
      return {};
    }

    if (line.front() == ' ' || line.front() == '\t') return refuse("it has a folded line");
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) return refuse("a field name is malformed");
    if (!is_field_text(line)) return refuse("a field holds control characters");
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (iequals(name, "Content-Length")) lengths.push_back(value);
    if (iequals(name, "Transfer-Encoding")) {
      ++encodings;
      if (!iequals(value, "chunked")) return refuse("its Transfer-Encoding is not 'chunked'");
    }
  }
  return refuse("it does not end in a blank line");
}

}  // namespace gantry::http
