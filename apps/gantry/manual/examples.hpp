#pragma once

#include <span>
#include <string>
#include <string_view>

namespace gantry::app {

/// A command line and what it is for. Help texts, manual pages and a test of the parsers share them.
struct example {
  const char* command;  ///< the verb alone
  const char* line;     ///< behind `gantry `
  const char* purpose;
};

/// All of them, those of one command together.
std::span<const example> examples();

/// The end of a help text. \param command e.g. `gantry pull` \returns nothing when it has none
std::string examples_text(std::string_view command);

}  // namespace gantry::app
