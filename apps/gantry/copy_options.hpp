#pragma once

#include "side_options.hpp"
#include "upload_options.hpp"

#include <gantry/reference.hpp>

#include <string>
#include <vector>

namespace gantry::app {

/// `gantry copy`.
struct copy_arguments : upload_arguments {
  reference source;
  std::vector<reference> targets;
  bool all_tags = false;
  bool referrers = false;
  bool cache = false;
  side_options from;
  side_options to;
};

/// The words behind the command. Pure.
parsed<copy_arguments> parse_copy(std::vector<std::string> words);

}  // namespace gantry::app
