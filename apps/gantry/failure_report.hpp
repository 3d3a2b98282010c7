#pragma once

#include "exit_code.hpp"
#include "outcome.hpp"
#include "progress/renderer.hpp"

#include <gantry/diagnostics.hpp>
#include <gantry/error.hpp>
#include <gantry/events.hpp>

#include <chrono>
#include <optional>
#include <string>

namespace gantry::app {

/// Why an operation was stopped by this program rather than by an error.
struct stop_cause {
  int signal = 0;                                      ///< SIGINT or SIGTERM
  std::optional<std::chrono::milliseconds> timed_out;  ///< --timeout, when it ran out
  bool kept = true;                                    ///< something was fetched that is of use to the next run
  std::string last_trouble{};                          ///< why the last attempt before it failed; empty when none did
  /// The options that give another account, when it is not -u.
  std::string account{};
};

/// Turns an engine's error into what the user reads: its sentence, the registry's words, and a hint which option or step helps.
/// \param object what failed, for errors without a sentence of their own
error_report report_failure(const error_code& ec, const diagnostics& text, const stop_cause& cause, const std::string& object);

/// Whether \p what tells that there is something of which the next run has the use: bytes of a blob that came, went, or were there.
bool tells_of_content(const gantry::event& what);

error_report report_problem(const problem& what);

/// \p message with what the registry said of it behind it, if anything: for lines of a list.
std::string with_server_words(const std::string& message, const std::string& server_message);

}  // namespace gantry::app
