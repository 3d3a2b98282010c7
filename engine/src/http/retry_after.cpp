#include "http/retry_after.hpp"

#include "base/ascii.hpp"
#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>

namespace gantry::http {
namespace {

using std::chrono::seconds;
using std::chrono::system_clock;

constexpr seconds longest{365L * 24 * 3600};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads a date by a form: 'd' a digit of the day or a blank before it, 'b' a month's letter, 'y' 'h' 'm' 's' digits of year and time, all
/// else itself.
struct date_fields {
  unsigned day = 0;
  unsigned month = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
};

std::optional<date_fields> read_date(std::string_view text, std::string_view form) {
  if (text.size() != form.size()) return std::nullopt;
  date_fields date;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const char c = text[i];
    const int digit = c - '0';
    switch (form[i]) {
      case 'd':
        if (c == ' ' && date.day == 0) break;
        if (!is_digit(c)) return std::nullopt;
        date.day = date.day * 10 + static_cast<unsigned>(digit);
        break;
      case 'b': {
        const auto found = std::find(months.begin(), months.end(), text.substr(i, 3));
        if (found == months.end()) return std::nullopt;
        date.month = static_cast<unsigned>(found - months.begin()) + 1;
        i += 2;
        break;
      }
      case 'y':
      case 'h':
      case 'm':
      case 's': {
        if (!is_digit(c)) return std::nullopt;
        int& value = form[i] == 'y' ? date.year : form[i] == 'h' ? date.hour : form[i] == 'm' ? date.minute : date.second;
        value = value * 10 + digit;
        break;
      }
      default:
        if (c != form[i]) return std::nullopt;
    }
  }
  return date;
}

std::optional<system_clock::time_point> to_time(const date_fields& date) {
  const std::chrono::year_month_day day(std::chrono::year(date.year), std::chrono::month(date.month), std::chrono::day(date.day));
  if (!day.ok() || date.hour > 23 || date.minute > 59 || date.second > 60) return std::nullopt;
  // A system clock of nanoseconds ends in 2262.
  if (date.year < 1970 || date.year > 2261) return std::nullopt;
  return std::chrono::sys_days(day) + std::chrono::hours(date.hour) + std::chrono::minutes(date.minute) + seconds(date.second);
}

}  // namespace

std::optional<system_clock::time_point> parse_http_date(std::string_view text, system_clock::time_point now) {
  text = trim(text);
  const std::size_t comma = text.find(',');
  if (comma == std::string_view::npos) {  // Sun Nov  6 08:49:37 1994
    if (text.size() < 4 || text[3] != ' ') return std::nullopt;
    const auto date = read_date(text.substr(4), "bbb dd hh:mm:ss yyyy");
    return date ? to_time(*date) : std::nullopt;
  }
  const std::string_view rest = text.substr(comma + 1);
  if (const auto date = read_date(rest, " dd bbb yyyy hh:mm:ss GMT")) return to_time(*date);  // Sun, 06 Nov 1994 08:49:37 GMT
  if (auto date = read_date(rest, " dd-bbb-yy hh:mm:ss GMT")) {                               // Sunday, 06-Nov-94 08:49:37 GMT
    const std::chrono::year_month_day today(std::chrono::floor<std::chrono::days>(now));
    const int this_year = static_cast<int>(today.year());
    date->year += this_year / 100 * 100;
    if (date->year > this_year + 50) date->year -= 100;
    return to_time(*date);
  }
  return std::nullopt;
}

std::optional<seconds> parse_retry_after(std::string_view value, system_clock::time_point now) {
  value = trim(value);
  if (value.empty()) return std::nullopt;
  seconds wait{0};
  if (std::all_of(value.begin(), value.end(), is_digit)) {
    std::int64_t number = 0;
    const auto [stop, ec] = std::from_chars(value.data(), value.data() + value.size(), number);
    wait = ec != std::errc() ? longest : seconds(number);
  } else {
    const auto date = parse_http_date(value, now);
    if (!date) return std::nullopt;
    wait = std::chrono::ceil<seconds>(*date - now);
  }
  if (wait <= seconds(0)) return std::nullopt;
  return std::min(wait, longest);
}

std::optional<seconds> retry_after_of(const response_head& answer, system_clock::time_point now) {
  if (answer.status != 429 && answer.status != 503) return std::nullopt;
  const std::string* const value = answer.find("Retry-After");
  return value == nullptr ? std::nullopt : parse_retry_after(*value, now);
}

std::string describe_wait(std::chrono::seconds wait, std::chrono::system_clock::time_point now) {
  using namespace std::chrono;
  const auto then = floor<seconds>(now + wait);
  const auto day = floor<days>(then);
  const hh_mm_ss clock(then - day);
  const auto time = fmt::format("{:02}:{:02}:{:02} UTC", clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (day == floor<days>(now)) return fmt::format("in {} s, at {}", wait.count(), time);
  const year_month_day date(day);
  return fmt::format("in {} s, on {:04}-{:02}-{:02} at {}", wait.count(), static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), time);
}

}  // namespace gantry::http
