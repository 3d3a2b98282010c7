#pragma once

#include <cstddef>
#include <string>

namespace gantry::app {

/// What `gantry help` prints: the commands, by what they are for. \param width columns; 0: no terminal
std::string program_help(std::size_t width);

}  // namespace gantry::app
