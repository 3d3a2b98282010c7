#include "registry/quota.hpp"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

namespace gantry::registry {
namespace {

/// The number in front of \p text, which may go on with `;`.
std::optional<std::uint64_t> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || (end != text.data() + text.size() && *end != ';' && *end != ',')) return std::nullopt;
  return value;
}

std::chrono::seconds window_in(std::string_view text) {
  constexpr std::string_view name = ";w=";
  const std::size_t at = text.find(name);
  if (at == std::string_view::npos) return std::chrono::seconds(0);
  const auto value = leading_number(text.substr(at + name.size()));
  constexpr std::uint64_t year = 366 * 86'400;
  return std::chrono::seconds(value && *value <= year ? static_cast<std::int64_t>(*value) : 0);
}

std::string describe(std::chrono::seconds window) {
  if (window.count() % 3600 == 0) return fmt::format("{} h", window.count() / 3600);
  if (window.count() % 60 == 0) return fmt::format("{} min", window.count() / 60);
  return fmt::format("{} s", window.count());
}

}  // namespace

std::optional<quota> quota_of(const http::response_head& answer) {
  const std::string* const remaining = answer.find("ratelimit-remaining");
  if (remaining == nullptr) return std::nullopt;
  const auto left = leading_number(*remaining);
  if (!left) return std::nullopt;
  quota said;
  said.remaining = *left;
  said.window = window_in(*remaining);
  if (const std::string* const limit = answer.find("ratelimit-limit")) {
    said.limit = leading_number(*limit).value_or(0);
    if (said.window.count() == 0) said.window = window_in(*limit);
  }
  return said;
}

std::string to_string(const quota& value) {
  std::string text = value.limit != 0 ? fmt::format("{} of {} requests left", value.remaining, value.limit)
                                      : fmt::format("{} requests left", value.remaining);
  if (value.window.count() != 0) text += " within " + describe(value.window);
  return text;
}

}  // namespace gantry::registry
