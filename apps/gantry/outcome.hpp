#pragma once

#include "exit_code.hpp"

#include <boost/assert/source_location.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <utility>

namespace gantry::app {

/// Why the command line cannot go on: one sentence, what to do about it, and how the process ends.
struct problem {
  exit_code code = exit_code::usage;
  std::string message;
  std::string hint;  ///< empty when the message says it all

  problem() = default;
  problem(exit_code code_, std::string message_, std::string hint_ = {})
      : code(code_), message(std::move(message_)), hint(std::move(hint_)) {}
};

/// A mistake in the caller's words, exit code 2.
inline problem usage_problem(std::string message, std::string hint = {}) { return {exit_code::usage, std::move(message), std::move(hint)}; }

template <class T = void>
using outcome = boost::system::result<T, problem>;

[[noreturn]] void throw_exception_from_error(const problem& error, const boost::source_location& where);

}  // namespace gantry::app
