#include "registry/status.hpp"

#include "http/retry_after.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gantry::registry {

bool is_retryable_status(unsigned status) noexcept {
  constexpr std::array<unsigned, 9> passing{408, 429, 499, 500, 502, 503, 504, 522, 524};
  return std::find(passing.begin(), passing.end(), status) != passing.end();
}

bool is_retryable(unsigned status, const registry_error& error) noexcept {
  constexpr std::array<std::string_view, 4> passing{"BLOB_UPLOAD_INVALID", "TOOMANYREQUESTS", "UNAVAILABLE", "UNKNOWN"};
  if (is_retryable_status(status)) return true;
  if (status == 401 || status == 403 || try_next_mirror(status)) return false;  // these say more than a code does
  return !error.codes.empty() && std::all_of(error.codes.begin(), error.codes.end(), [&](const std::string& code) {
    return std::find(passing.begin(), passing.end(), code) != passing.end();
  });
}

bool try_next_mirror(unsigned status) noexcept { return status == 404 || status == 410 || status == 416 || is_retryable_status(status); }

errc errc_of_status(unsigned status) noexcept {
  switch (status) {
    case 401:
      return errc::unauthorized;
    case 403:
      return errc::forbidden;
    case 404:
    case 410:
      return errc::not_found;
    case 416:
      return errc::range_refused;
    case 429:
      return errc::rate_limited;
    default:
      return is_retryable_status(status) ? errc::server_error : errc::unexpected_status;
  }
}

failure status_failure(std::string_view what, const http::response_head& answer, std::string_view body,
                       std::chrono::system_clock::time_point now) {
  registry_error said = parse_registry_error(body);
  errc code = errc_of_status(answer.status);
  if (code == errc::unexpected_status && is_retryable(answer.status, said)) code = errc::server_error;
  failure error(code, fmt::format("{}: the server answered {}", what, http::describe_status(answer.status)), std::move(said.message));
  error.retry_after = http::retry_after_of(answer, now);
  return error;
}

failure refused_writing(failure said, unsigned status) {
  if (status != 405) return said;
  // A guess, where the server does not say it in its own words.
  const char* const guess = said.text.server_message().empty() ? ": it takes no uploads; read-only?" : ": it takes no uploads";
  said.text = diagnostics(said.text.message() + guess, said.text.server_message());
  return said;
}

}  // namespace gantry::registry
