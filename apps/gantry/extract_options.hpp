#pragma once

#include "image_names.hpp"
#include "options.hpp"

#include <gantry/extract.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry extract`.
struct extract_arguments {
  common_options common;
  archive_input file;             ///< 0 is standard input
  std::optional<reference> name;  ///< none: the archive's own names
  bool force = false;
};

/// Reads the words behind `gantry extract`. Pure, as parse_pull is.
outcome<std::variant<extract_arguments, help_text>> parse_extract(std::vector<std::string> words);

}  // namespace gantry::app
