#pragma once

#include <system_error>

namespace gantry::runtime {

/// What to throw where the system has no thread to give: says why, and what helps.
std::system_error no_thread();

}  // namespace gantry::runtime
