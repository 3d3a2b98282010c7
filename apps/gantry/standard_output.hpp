#pragma once

#include "outcome.hpp"

#include <string_view>

namespace gantry::app {

/// Writes the result of a command to standard output. Fails with exit_code::storage and the system's reason, a full disk for one; with
/// exit_code::broken_pipe where whoever read it went away, as `head` does: nobody is told of that.
outcome<> write_result(std::string_view text);

}  // namespace gantry::app
