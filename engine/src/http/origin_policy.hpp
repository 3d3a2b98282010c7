#pragma once

#include "base/failure.hpp"
#include "http/url.hpp"

#include <string_view>

namespace gantry::http {

/// The ways by which a server can choose a URL that we then ask for (DESIGN section 6).
enum class url_channel {
  redirect,         ///< Location of a 3xx on content
  token_realm,      ///< realm of a Bearer challenge
  foreign_layer,    ///< urls of a layer descriptor
  upload_location,  ///< Location of an upload session
  pagination,       ///< Link of a list
  token_redirect,   ///< Location of a 3xx on the token request; judged from the realm's origin
};

/// Decides whether \p target may be asked for because \p from, the origin that sent it, said so.
///
/// For all: never from https to http, and a private or loopback address only when \p from has the same address, on any port. Realms and
/// redirects of the token request: in clear text only on the host of \p from. Pagination: only \p from itself.
/// errc::redirect_refused, with a sentence that says which URL and why; the URL is shown without its query.
result<void> allow(url_channel channel, const origin& from, const url& target);

/// Whether a request header may be sent to \p to when the request was made for \p from: Authorization, Cookie and the like never leave
/// their origin; all others do.
bool survives_redirect(std::string_view header_name, const origin& from, const origin& to);

}  // namespace gantry::http
