#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"
#include "http/origin_policy.hpp"

#include <optional>

namespace gantry::http {

/// Redirects that are followed for one request (DESIGN section 7).
inline constexpr unsigned redirect_limit = 10;

/// 301, 302, 303, 307, 308.
bool is_redirect(unsigned status) noexcept;

/// The request that an answer with a redirect status asks for: Location resolved and judged by the origin policy, headers that must not
/// leave their origin removed; 303 becomes GET, and so does a POST on 301 and 302, without its body.
/// \param followed redirects followed for this request so far
/// errc::redirect_refused: no usable Location, refused by the policy, or more than \ref redirect_limit.
result<request> follow_redirect(const request& sent, const response_head& answer, url_channel channel, unsigned followed);

/// The next page of a list, from the Link fields of an answer (RFC 8288, relation `next`; a missing relation is taken as it, as registries
/// leave it out). Nothing when there is none. errc::redirect_refused: malformed, or not of the origin of \p asked.
result<std::optional<url>> next_page(const url& asked, const response_head& answer);

}  // namespace gantry::http
