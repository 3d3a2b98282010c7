#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::http {

/// The text of a registry's Warning header (distribution-spec, "Warnings"): exactly `299 - "text"`. Everything else is not meant for users
/// and gives nothing. The bytes are as the server sent them: clean them before they are shown.
std::optional<std::string> parse_warning(std::string_view value);

}  // namespace gantry::http
