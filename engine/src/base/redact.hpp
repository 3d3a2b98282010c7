#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry {

/// A URL that may be shown: password and query values are replaced, query keys sorted (vectors/log_redaction.json). Text that is no URL is
/// returned without anything after '?'.
std::string redact_url(std::string_view url);

/// What somebody wrote in place of a name, without what may be a user name and a password: all that stands before an '@' that no digest
/// follows, but for a scheme, becomes `***`.
std::string hide_user(std::string_view word);

/// Server-sent text made safe for a terminal or a log: control characters (C0, C1, DEL) and invalid UTF-8 become '?', runs of white space
/// one blank, the whole cut to \p limit bytes at a character boundary.
std::string clean_text(std::string_view text, std::size_t limit = 512);

}  // namespace gantry
