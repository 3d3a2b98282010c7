#pragma once

#include <cstddef>
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

/// The first example of a command, for a text that has one of each. \param command the verb alone \param width as \ref examples_text
std::string first_example_text(std::string_view command, std::size_t width = 0);

/// The end of a help text. \param command e.g. `gantry pull` \param width columns; commands that need more go on behind a backslash, as a
/// shell takes them; 0: no terminal \returns nothing when it has none
std::string examples_text(std::string_view command, std::size_t width = 0);

}  // namespace gantry::app
