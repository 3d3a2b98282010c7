#pragma once

#include <string>
#include <string_view>

namespace gantry::app {

/// The completion script of a shell, made from the option tables. \param shell bash, zsh or fish
std::string completion_script(std::string_view shell);

}  // namespace gantry::app
