#pragma once

#include <string>
#include <vector>

namespace gantry::app {

/// Copies the arguments behind the program name, then overwrites the value of every `-p`/`--password` in \p argv with zeros, so that
/// other users of the machine do not find it in /proc/<pid>/cmdline. Call it before anything else.
std::vector<std::string> take_arguments(int argc, char** argv);

/// The command line as a person may show it around: options about accounts, proxies and where credentials lie are left out with their
/// values, and so are names and passwords in addresses. Words are quoted as a shell wants them; of very many the first stand there.
/// \param words the arguments behind the program's name
std::string shown_command(const std::vector<std::string>& words);

}  // namespace gantry::app
