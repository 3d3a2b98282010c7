#pragma once

#include <string_view>

namespace gantry::app {

/// Shared options that \p command takes, so that scripts and settings files may give them to every command, and that change nothing about
/// what it does: help, manual pages and completions leave them out. Long names without dashes, blanks between; empty for most commands.
/// \param command without the program's name
std::string_view idle_options(std::string_view command);

/// Whether \p name is among \p options, in which blanks stand between names.
bool has_option(std::string_view options, std::string_view name);

}  // namespace gantry::app
