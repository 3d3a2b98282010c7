#pragma once

#include "base/failure.hpp"

#include <string_view>

namespace gantry::http {

enum class head_kind { request, response };

/// Checks a complete message head, start line to the blank line, before any parser sees it; stricter than RFC 9112 allows and than Beast
/// 1.81 is, because two readers that disagree about a head are how messages are smuggled.
///
/// Refused with errc::protocol_error: lines not ended by CR LF, folded lines, control characters, field names that are no token or are
/// followed by blanks, versions other than HTTP/1.0 and 1.1, a status that is not three digits followed by a blank, differing or malformed
/// Content-Length, Transfer-Encoding other than one `chunked`, both of these together, Transfer-Encoding in HTTP/1.0.
result<void> check_head(std::string_view head, head_kind kind);

}  // namespace gantry::http
