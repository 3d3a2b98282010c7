#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gantry::app {

/// A manual page in roff, made from the option tables. \param command a verb, or empty for the page of the program \returns nothing for a
/// command that does not exist
std::optional<std::string> man_page(std::string_view command);

}  // namespace gantry::app
