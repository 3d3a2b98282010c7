#pragma once

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <string>
#include <string_view>

namespace gantry::registry {

/// \p text as the value of a query parameter: everything but unreserved characters percent-encoded (RFC 3986 section 2.3).
inline std::string escape(std::string_view text) { return boost::urls::encode(text, boost::urls::unreserved_chars); }

}  // namespace gantry::registry
