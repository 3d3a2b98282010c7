#pragma once

#include "options.hpp"

#include <gantry/reference.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gantry::app {

/// The command line of `gantry list`.
struct list_arguments {
  common_options common;
};

/// The command line of `gantry clean`.
struct clean_arguments {
  common_options common;
  std::vector<reference> references;
  bool all = false;
  std::optional<std::chrono::milliseconds> older_than;
  std::optional<std::uint64_t> max_size;  ///< bytes
  bool dry_run = false;
  bool force = false;  ///< do not ask
};

/// The command line of `gantry verify`.
struct verify_arguments {
  common_options common;
  bool repair = false;
};

// Pure, as parse_pull is.

outcome<std::variant<list_arguments, help_text>> parse_list(std::vector<std::string> words);
outcome<std::variant<clean_arguments, help_text>> parse_clean(std::vector<std::string> words);
outcome<std::variant<verify_arguments, help_text>> parse_verify(std::vector<std::string> words);

}  // namespace gantry::app
