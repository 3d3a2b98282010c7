#pragma once

#include "options.hpp"

#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry explain`.
struct explain_arguments {
  common_options common;
  std::string registry;  ///< as typed
  std::string image;
};

/// Reads the words behind `gantry explain`. Pure.
outcome<std::variant<explain_arguments, help_text>> parse_explain(std::vector<std::string> words);

}  // namespace gantry::app
