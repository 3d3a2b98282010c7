#pragma once

#include <string>
#include <vector>

namespace gantry::app {

/// Copies the arguments behind the program name, then overwrites the value of every `-p`/`--password` in \p argv with zeros, so that
/// other users of the machine do not find it in /proc/<pid>/cmdline. Call it before anything else.
std::vector<std::string> take_arguments(int argc, char** argv);

}  // namespace gantry::app
