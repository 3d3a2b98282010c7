#pragma once

#include "options.hpp"

#include <gantry/convert.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry convert`.
struct convert_arguments {
  common_options common;
  archive_input file;             ///< 0 is standard input
  std::vector<reference> images;  ///< empty: all
  std::optional<reference> name;
  std::vector<platform> platforms;  ///< empty: all
  std::string output;               ///< `-` is standard output
  archive_format format = archive_format::docker;
  bool gzip = false;
  bool attestations = false;  ///< as in \ref pull_arguments
};

/// Reads the words behind `gantry convert`. Pure, as parse_pull is.
outcome<std::variant<convert_arguments, help_text>> parse_convert(std::vector<std::string> words);

}  // namespace gantry::app
