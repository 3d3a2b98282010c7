#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"
#include "registry/registry_error.hpp"

#include <chrono>
#include <string_view>

namespace gantry::registry {

/// The statuses after which the same request may succeed: 408 429 499 500 502 503 504 522 524 (DESIGN section 7).
bool is_retryable_status(unsigned status) noexcept;

/// Whether an error answer is worth a repetition: by status, or because every code in it is one of a passing state (BLOB_UPLOAD_INVALID,
/// TOOMANYREQUESTS, UNAVAILABLE, UNKNOWN) and the status is not one of 401, 403, 404, 410, 416. \p status 0: unknown.
bool is_retryable(unsigned status, const registry_error& error) noexcept;

/// Whether another mirror may have what this one has not: 404, 410, 416 and all retryable ones; says nothing about backing off.
bool try_next_mirror(unsigned status) noexcept;

/// The code for a status that is no success: unauthorized, forbidden, not_found, range_refused, rate_limited, server_error for the other
/// retryable ones, unexpected_status for the rest.
errc errc_of_status(unsigned status) noexcept;

/// The failure for an error answer: `<what>: the server answered <status and its name>`, the registry's words beside it, Retry-After where
/// it counts.
failure status_failure(std::string_view what, const http::response_head& answer, std::string_view body,
                       std::chrono::system_clock::time_point now);

/// \p said, of an answer to a request that writes: of 405, what it means there.
failure refused_writing(failure said, unsigned status);

}  // namespace gantry::registry
