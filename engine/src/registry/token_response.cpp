#include "registry/token_response.hpp"

#include "model/json.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace gantry::registry {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr std::uint64_t shortest_life = 60;
constexpr std::uint64_t longest_life = 24 * 3600;

/// Takes \p count digits off the front.
std::optional<int> take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

/// RFC 3339, the fraction of a second dropped.
std::optional<system_clock::time_point> parse_timestamp(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, "-")) return std::nullopt;
  const auto month = take_digits(text, 2);
  if (!month || !take(text, "-")) return std::nullopt;
  const auto day = take_digits(text, 2);
  if (!day || !take(text, "Tt ")) return std::nullopt;
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ":")) return std::nullopt;
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ":")) return std::nullopt;
  const auto second = take_digits(text, 2);
  if (!second) return std::nullopt;
  if (take(text, ".")) {
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') text.remove_prefix(1);
  }
  std::chrono::minutes offset{0};
  if (!take(text, "Zz")) {
    const bool west = text.starts_with('-');
    if (!take(text, "+-")) return std::nullopt;
    const auto hours = take_digits(text, 2);
    if (!hours || !take(text, ":")) return std::nullopt;
    const auto minutes = take_digits(text, 2);
    if (!minutes) return std::nullopt;
    offset = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
    if (west) offset = -offset;
  }
  if (!text.empty()) return std::nullopt;

  const std::chrono::year_month_day date(std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  // A system clock of nanoseconds ends in 2262, and year 1 is Go's "not set".
  if (!date.ok() || *year < 1970 || *year > 2261 || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second) - offset;
}

}  // namespace

result<token_response> parse_token_response(std::string_view body, system_clock::time_point received) {
  token_response response;
  std::string access_token;
  std::string issued_text;
  std::uint64_t expires_in = 0;
  // Written as a string by some, and as -1 for "already"; then it is renewed as early as any.
  const auto take_life = [&expires_in](std::string_view text) -> model::json::check {
    if (text.starts_with('-')) return {};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), expires_in);
    if (ec != std::errc() || end != text.data() + text.size()) return failure(errc::malformed_document, "is no number of seconds");
    return {};
  };
  const model::json::shape top = model::json::object({{"token", model::json::string(response.token)},
                                                      {"access_token", model::json::string(access_token)},
                                                      {"refresh_token", model::json::string(response.refresh_token)},
                                                      {"expires_in", model::json::string_or_integer(take_life)},
                                                      {"issued_at", model::json::string(issued_text)}});
  model::json::limits caps;
  caps.size = token_response_limit;
  if (auto read = model::json::read(body, top, "the answer of the token service", caps); !read) return read.error();

  if (response.token.empty()) response.token = std::move(access_token);
  if (response.token.empty()) return failure(errc::malformed_document, "the answer of the token service holds no token");
  // It becomes part of a header.
  const bool printable = std::all_of(response.token.begin(), response.token.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  if (!printable) return failure(errc::malformed_document, "the answer of the token service holds a token that no header can carry");

  const seconds life(std::clamp(expires_in, shortest_life, longest_life));
  const auto issued = parse_timestamp(issued_text);
  const bool plausible = issued && *issued <= received && *issued + life > received;
  response.expires_at = (plausible ? *issued : received) + life;
  return response;
}

}  // namespace gantry::registry
