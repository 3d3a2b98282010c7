#include "serve/conditions.hpp"

#include "http/grammar.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace gantry::serve {
namespace {

/// Decimal digits alone; what is too large for 64 bits is as large as can be.
std::optional<std::uint64_t> number(std::string_view text) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  return ec == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

}  // namespace

std::variant<whole_body, http::byte_range, unsatisfiable> choose_range(std::string_view field, std::uint64_t size) {
  if (field.size() < 6 || !http::iequals(field.substr(0, 6), "bytes=")) return whole_body();
  const std::string_view set = http::trim(field.substr(6));
  const std::size_t dash = set.find('-');
  if (dash == std::string_view::npos) return whole_body();
  const std::string_view first_text = set.substr(0, dash);
  const std::string_view last_text = set.substr(dash + 1);
  const auto first = number(first_text);
  const auto last = number(last_text);
  if (first_text.empty()) {
    if (!last) return whole_body();
    if (*last == 0 || size == 0) return unsatisfiable();
    return http::byte_range{size - std::min(*last, size), size - 1};
  }
  if (!first || (!last && !last_text.empty())) return whole_body();
  if (*first >= size) return unsatisfiable();
  if (!last) return http::byte_range{*first, size - 1};
  if (*last < *first) return unsatisfiable();
  return http::byte_range{*first, std::min(*last, size - 1)};
}

bool matches_etag(std::string_view if_none_match, std::string_view etag) {
  while (!if_none_match.empty()) {
    const std::size_t comma = if_none_match.find(',');
    std::string_view one = http::trim(if_none_match.substr(0, comma));
    if (one.starts_with("W/")) one.remove_prefix(2);  // compared weakly
    if (one == etag || one == "*") return true;
    if (comma == std::string_view::npos) return false;
    if_none_match.remove_prefix(comma + 1);
  }
  return false;
}

}  // namespace gantry::serve
