#include "serve/request_parser.hpp"

#include "http/grammar.hpp"
#include "http/head_check.hpp"

#include <algorithm>
#include <utility>

namespace gantry::serve {
namespace {

/// Whether a comma-separated list of words, as in Connection, holds \p word.
bool lists(std::string_view list, std::string_view word) {
  for (bool more = true; more;) {
    const std::size_t comma = list.find(',');
    if (http::iequals(http::trim(list.substr(0, comma)), word)) return true;
    more = comma != std::string_view::npos;
    if (more) list.remove_prefix(comma + 1);
  }
  return false;
}

bool is_origin_form(std::string_view target) {
  return target.starts_with('/') && std::all_of(target.begin(), target.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '#'; });
}

}  // namespace

const std::string* request_head::find(std::string_view name) const {
  const auto found =
      std::find_if(headers.begin(), headers.end(), [&](const http::header& field) { return http::iequals(field.name, name); });
  return found == headers.end() ? nullptr : &found->value;
}

std::size_t request_parser::feed(std::span<const std::byte> bytes) {
  std::size_t taken = 0;
  while (!complete() && taken < bytes.size()) {
    const std::byte* const begin = bytes.data() + taken;
    const std::byte* const end = bytes.data() + bytes.size();
    const std::byte* const newline = std::find(begin, end, std::byte{'\n'});
    const auto piece = static_cast<std::size_t>((newline == end ? end : newline + 1) - begin);
    raw_.append(reinterpret_cast<const char*>(begin), piece);
    taken += piece;
    const std::size_t first_line = std::min(raw_.find('\n'), raw_.size());
    // A TLS handshake, or anything else that is no request, is told from its first byte.
    if (!http::is_token_char(raw_.front())) {
      refuse(400, "this is not an HTTP request; if TLS was meant, this port speaks plain http");
    } else if (first_line > target_limit) {
      refuse(414, "the request line is too long");
    } else if (raw_.size() > head_limit) {
      refuse(431, "the request head is too large");
    } else if (newline == end) {
      break;
    } else if (!raw_.ends_with("\r\n")) {
      refuse(400, "a line does not end in CR LF");
    } else if (raw_.ends_with("\r\n\r\n")) {
      finish();
    }
  }
  return taken;
}

void request_parser::finish() {
  if (const auto checked = http::check_head(raw_, http::head_kind::request); !checked) {
    return refuse(400, "the request head is malformed or ambiguous");
  }
  request_head head;
  std::string_view rest = raw_;
  const auto take_line = [&rest] {
    const std::size_t end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 2);
    return line;
  };
  const std::string_view start = take_line();
  const std::size_t first = start.find(' ');
  const std::size_t last = start.rfind(' ');
  head.method = start.substr(0, first);
  head.target = start.substr(first + 1, last - first - 1);
  const bool old_version = start.ends_with("HTTP/1.0");
  if (!is_origin_form(head.target)) return refuse(400, "the request target must be a path");

  std::size_t hosts = 0;
  std::size_t lengths = 0;
  bool chunked = false;
  bool closes = old_version;
  for (std::string_view line = take_line(); !line.empty(); line = take_line()) {
    if (head.headers.size() == field_limit) return refuse(431, "the request has too many header fields");
    const std::size_t colon = line.find(':');
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = http::trim(line.substr(colon + 1));
    head.headers.push_back({std::string(name), std::string(value)});
    if (http::iequals(name, "Host")) ++hosts;
    if (http::iequals(name, "Transfer-Encoding")) chunked = true;
    if (http::iequals(name, "Connection")) {
      if (lists(value, "close")) closes = true;
      if (old_version && lists(value, "keep-alive")) closes = false;
    }
    if (http::iequals(name, "Content-Length")) {
      ++lengths;
      if (value.find(',') != std::string_view::npos) return refuse(400, "the request has a list of lengths");
      if (value.find_first_not_of('0') != std::string_view::npos) head.has_body = true;
    }
  }
  if (hosts > 1 || (hosts == 0 && !old_version)) return refuse(400, "the request must name exactly one host");
  if (lengths > 1) return refuse(400, "the request has more than one length");
  head.has_body = head.has_body || chunked;
  head.keep_alive = !closes;
  head_ = std::move(head);
  raw_.clear();
}

}  // namespace gantry::serve
