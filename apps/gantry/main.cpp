#include "arguments.hpp"
#include "command.hpp"

#include <exception>
#include <utility>

#include <csignal>

int main(int argc, char** argv) {
  auto words = gantry::app::take_arguments(argc, argv);
  // A closed pipe is an error of one write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  try {
    return gantry::app::run_program(std::move(words));
  } catch (const std::exception& error) {
    return gantry::app::fail_early(gantry::app::problem(gantry::app::exit_code::failed, std::string("internal error: ") + error.what()));
  }
}
