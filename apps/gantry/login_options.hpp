#pragma once

#include "options.hpp"

#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command lines of `gantry login` and `gantry logout`.
struct login_arguments {
  common_options common;
  std::string registry;  ///< host and optional port, as in reference::registry
};

/// Reads the words behind `gantry login`. Pure. A user name may come without a password, which is asked for then.
outcome<std::variant<login_arguments, help_text>> parse_login(std::vector<std::string> words);
outcome<std::variant<login_arguments, help_text>> parse_logout(std::vector<std::string> words);

}  // namespace gantry::app
