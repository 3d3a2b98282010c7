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
  /// What a pull would be told: for those who ask where the values come from, see common_options::origins.
  std::vector<platform> platforms;
  archive_format format = archive_format::docker;
  bool gzip = false;
};

/// Reads the words behind `gantry explain`. Pure.
outcome<std::variant<explain_arguments, help_text>> parse_explain(std::vector<std::string> words);

}  // namespace gantry::app
