#pragma once

#include "base/failure.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace gantry::registry {

/// What one run learnt about a host and the next one can use. Nothing of it matters for security, none of it is secret, and all of it may
/// be wrong or lost.
struct host_hint {
  std::uint64_t rate = 0;     ///< bytes per second of one request; 0: not known
  bool ranges = false;        ///< it has answered with a part of a blob
  bool counts_pulls = false;  ///< it says how many requests are left
  /// It asked to be left alone, in answer to a request without a login. What it tells a user is not kept: it would bind the next one.
  std::chrono::system_clock::time_point rests_until{};

  friend bool operator==(const host_hint&, const host_hint&) = default;
};

/// By `host:port`.
using hints = std::map<std::string, host_hint>;

/// At most so many hosts are kept.
inline constexpr std::size_t hint_limit = 256;

/// Reads what \ref write_hints wrote. errc::malformed_document; then there are none.
result<hints> read_hints(std::string_view text, std::chrono::system_clock::time_point now);
std::string write_hints(const hints& value);

}  // namespace gantry::registry
