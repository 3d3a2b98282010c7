#pragma once

#include "http/message.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::http {

/// Parses a Retry-After value (RFC 9110 section 10.2.3): whole seconds, or an HTTP date in any of its three forms, counted from \p now.
/// \returns nothing for a malformed value and for one that asks for no wait (zero, a date in the past). Values are capped at a year.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view value, std::chrono::system_clock::time_point now);

/// How long an answer asks to be left alone: Retry-After counts with 429 and 503 (DESIGN section 7).
std::optional<std::chrono::seconds> retry_after_of(const response_head& answer, std::chrono::system_clock::time_point now);

/// How long to wait, for people: `in 90 s, at 14:05:30 UTC`; with the day when it is not today.
std::string describe_wait(std::chrono::seconds wait, std::chrono::system_clock::time_point now);

/// Parses an HTTP date: IMF-fixdate, RFC 850 or asctime form (RFC 9110 section 5.6.7); \p now decides the century of two-digit years.
std::optional<std::chrono::system_clock::time_point> parse_http_date(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace gantry::http
