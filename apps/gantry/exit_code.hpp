#pragma once

#include <gantry/error.hpp>

namespace gantry::app {

/// How the process ends (CLI.md, "Output"); part of the contract with scripts.
enum class exit_code : int {
  done = 0,
  failed = 1,          ///< network or registry
  usage = 2,           ///< the command line
  not_authorised = 3,  ///< credentials missing or refused
  not_found = 4,       ///< image, platform or file
  integrity = 5,       ///< content that is not what it claims
  partial = 6,         ///< some members of a list failed
  storage = 7,         ///< local storage
  rate_limited = 8,    ///< come back later
  interrupted = 130,   ///< SIGINT
  broken_pipe = 141,   ///< who reads standard output went away; nothing is said, as by programs that SIGPIPE ends
  terminated = 143,    ///< SIGTERM
};

/// The exit code for an engine's error; exit_code::done for success, exit_code::failed for codes of other categories. A cancelled operation
/// is exit_code::interrupted; whoever knows the signal or the deadline behind it decides better.
exit_code exit_code_of(const error_code& ec) noexcept;

}  // namespace gantry::app
