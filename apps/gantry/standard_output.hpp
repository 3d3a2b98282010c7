#pragma once

#include "outcome.hpp"

#include <cstddef>
#include <string_view>

namespace gantry::app {

/// Writes the result of a command to standard output. Fails with exit_code::storage and the system's reason, a full disk for one; with
/// exit_code::broken_pipe where whoever read it went away, as `head` does: nobody is told of that.
outcome<> write_result(std::string_view text);

/// Whether an archive can go to standard output at all, to be asked before it is fetched: exit_code::usage where that is a terminal,
/// exit_code::storage where it was closed, or is open for reading alone.
outcome<> check_takes_archive();

/// Columns of the terminal that standard output is; 0: it is none, and programs read what has all its columns.
std::size_t result_width();

}  // namespace gantry::app
