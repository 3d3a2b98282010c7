#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry {

/// Decodes standard base64 (RFC 4648 section 4) strictly: full groups of four, padding at the end only, no white space, no bits left over.
/// \returns nothing when \p text is anything else.
std::optional<std::string> base64_decode(std::string_view text);

/// The padded standard form.
std::string base64_encode(std::string_view bytes);

}  // namespace gantry
