#pragma once

#include "options.hpp"

#include <optional>
#include <string_view>

namespace gantry::app {

/// The help of a command as a table. \returns nothing for a command that does not exist
std::optional<help_text> help_of(std::string_view command);

}  // namespace gantry::app
