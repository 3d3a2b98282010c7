#pragma once

#include <span>
#include <string>

namespace gantry::app {

/// A variable of the environment and what the program reads in it. Help and manual page share them.
struct environment_variable {
  const char* names;    ///< one, or several with commas between that say the same
  const char* purpose;  ///< one line
};

/// Those of environment mode: IMAGE_REF, which turns it on, first, GITHUB_OUTPUT, which receives the result, last.
std::span<const environment_variable> mode_variables();

/// Those that count with arguments, too.
std::span<const environment_variable> other_variables();

/// Environment mode in a paragraph.
std::string mode_text();

}  // namespace gantry::app
