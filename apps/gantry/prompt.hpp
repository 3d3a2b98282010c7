#pragma once

#include <optional>
#include <string>

namespace gantry::app {

/// How a question on the terminal ended.
struct typed {
  std::optional<std::string> text;  ///< nothing at the end of input or when a signal came
  int signal = 0;                   ///< the one that came, for the exit status
};

/// Whether there is a terminal to ask on, whatever standard input and output are.
bool can_prompt();

/// Asks on the controlling terminal and reads one line. \param secret it is not shown while it is typed; the terminal is put in order also
/// when SIGINT, SIGTERM, SIGHUP or SIGQUIT comes
typed prompt(const std::string& question, bool secret);

}  // namespace gantry::app
