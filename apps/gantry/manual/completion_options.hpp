#pragma once

#include "options.hpp"

#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry completion`.
struct completion_arguments {
  common_options common;
  std::string shell;    ///< bash, zsh or fish; empty: \ref images
  bool images = false;  ///< the names that the store holds, one a line, for the scripts
};

/// Reads the words behind `gantry completion`. Pure.
outcome<std::variant<completion_arguments, help_text>> parse_completion(std::vector<std::string> words);

}  // namespace gantry::app
