#pragma once

#include "http/message.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace gantry::registry {

/// What a registry says about the requests that are left (`ratelimit-limit`, `ratelimit-remaining`; Docker Hub, GHCR and others).
struct quota {
  std::uint64_t limit = 0;  ///< 0: not said
  std::uint64_t remaining = 0;
  std::chrono::seconds window{0};  ///< 0: not said

  /// Little enough to be told: a tenth of the limit, or fewer than ten of an unknown one.
  bool is_low() const noexcept { return limit != 0 ? remaining <= limit / 10 : remaining < 10; }
};

/// Reads `76;w=21600` and its like. Nothing when the answer does not say, or says something else.
std::optional<quota> quota_of(const http::response_head& answer);

/// `8 of 100 requests left within 6 h`
std::string to_string(const quota& value);

}  // namespace gantry::registry
