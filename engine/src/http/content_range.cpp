#include "http/content_range.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <charconv>

namespace gantry::http {
namespace {

/// Takes a decimal number off the front.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || stop == text.data()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return value;
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<content_range> parse_one(std::string_view text) {
  if (text.size() < 6 || !iequals(text.substr(0, 6), "bytes ")) return std::nullopt;
  text.remove_prefix(6);
  content_range value;
  const auto first = take_number(text);
  if (!first || !take(text, '-')) return std::nullopt;
  const auto last = take_number(text);
  if (!last || *last < *first || !take(text, '/')) return std::nullopt;
  value.range = {*first, *last};
  if (text == "*") return value;
  value.total = take_number(text);
  if (!value.total || !text.empty() || *last >= *value.total) return std::nullopt;
  return value;
}

/// N of `bytes */N`; nothing when there is none, or nothing that can be read: no 416 has to say it.
std::optional<std::uint64_t> size_beside(const std::vector<std::string_view>& values) {
  if (values.size() != 1) return std::nullopt;
  std::string_view text = values.front();
  if (text.size() < 8 || !iequals(text.substr(0, 6), "bytes ") || text.substr(6, 2) != "*/") return std::nullopt;
  text.remove_prefix(8);
  const auto size = take_number(text);
  return text.empty() ? size : std::nullopt;
}

failure refuse(byte_range asked, std::string_view reason) {
  return {errc::range_refused, fmt::format("bytes {}-{} were asked for, but {}", asked.first, asked.last, reason)};
}

}  // namespace

std::string byte_range::header_value() const { return fmt::format("bytes={}-{}", first, last); }

result<content_range> parse_content_range(const std::vector<std::string_view>& values) {
  if (values.empty()) return failure(errc::range_refused, "the partial answer does not say which part it is (Content-Range is missing)");
  if (values.size() > 1) return failure(errc::range_refused, "the partial answer has several Content-Range fields");
  const auto value = parse_one(values.front());
  if (!value) {
    return failure(errc::range_refused,
                   fmt::format("the partial answer has a malformed Content-Range '{}'", clean_text(values.front(), 64)));
  }
  return *value;
}

failure unsatisfied_range(byte_range asked, std::uint64_t size, const response_head& answer) {
  const std::optional<std::uint64_t> named = size_beside(answer.all("Content-Range"));
  if (named && size != 0 && *named != size) {
    failure other = refuse(asked, fmt::format("the server says that the blob has {} bytes instead of {}", *named, size));
    other.code = make_error_code(errc::size_mismatch);
    return other;
  }
  return refuse(asked, fmt::format("the server answered {}", describe_status(answer.status)));
}

result<range_answer> check_range_answer(byte_range asked, std::uint64_t size, const response_head& answer) {
  const bool has_length = answer.framing == body_framing::length;
  if (answer.status == 200) {
    if (has_length && answer.content_length != size) {
      return failure(errc::size_mismatch, fmt::format("the server announces {} bytes for a blob of {} bytes", answer.content_length, size));
    }
    const range_body body = asked.first == 0 ? range_body::whole : range_body::ignored;
    return range_answer{body, {0, size == 0 ? 0 : size - 1}};
  }
  if (answer.status != 206) return refuse(asked, fmt::format("the server answered {}", describe_status(answer.status)));

  if (const std::string* type = answer.find("Content-Type")) {
    if (iequals(std::string_view(*type).substr(0, 20), "multipart/byteranges")) return refuse(asked, "the server sends several parts");
  }
  const auto part = parse_content_range(answer.all("Content-Range"));
  if (!part) return part.error();
  const byte_range got = part->range;
  if (got.first != asked.first) return refuse(asked, fmt::format("the server sends bytes {}-{}", got.first, got.last));
  if (got.last > asked.last) return refuse(asked, fmt::format("the server sends more, up to byte {}", got.last));
  if (part->total.has_value() && *part->total != size) {
    return refuse(asked, fmt::format("the server says that the blob has {} bytes instead of {}", *part->total, size));
  }
  if (has_length && answer.content_length != got.size()) {
    return refuse(asked, fmt::format("the server announces {} bytes for the range {}-{}", answer.content_length, got.first, got.last));
  }
  return range_answer{range_body::part, got};
}

}  // namespace gantry::http
