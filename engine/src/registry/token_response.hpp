#pragma once

#include "base/failure.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::registry {

/// Bytes of a token answer (DESIGN section 6).
inline constexpr std::size_t token_response_limit = 128 * 1024;

/// An answer of a token service.
struct token_response {
  std::string token;
  std::chrono::system_clock::time_point expires_at;
  std::string refresh_token;  ///< empty when there is none
};

/// Parses the body of a token answer (distribution token spec): `token` or `access_token`, `expires_in` (60 s when absent or less, a day at
/// most) counted from `issued_at`, or from \p received when that is absent, in the future, or so old that the fresh token would be stale,
/// which means that one of the two clocks is wrong. errc::malformed_document, errc::limit_exceeded.
result<token_response> parse_token_response(std::string_view body, std::chrono::system_clock::time_point received);

}  // namespace gantry::registry
