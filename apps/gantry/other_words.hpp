#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// The hint for a command that other tools have and gantry calls otherwise, e.g. `did you mean 'list'?` for `ls`; empty for other words.
std::string hint_for_command(std::string_view word);

/// The option that stands for one that other tools have, e.g. `--reference` for `--tag`; empty when there is none.
/// \param known the options of the command, dashes included
std::string own_option(std::string_view word, const std::vector<std::string>& known);

}  // namespace gantry::app
