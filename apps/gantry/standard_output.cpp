#include "standard_output.hpp"

#include "progress/terminal.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace gantry::app {

namespace {

constexpr int standard_output = 1;

}  // namespace

outcome<> write_result(std::string_view text) {
  errno = 0;
  if (write_all(standard_output, text)) return {};
  const int reason = errno == 0 ? EIO : errno;
  if (reason == EBADF) return problem(exit_code::storage, "standard output is closed: redirect it to a file, a program or /dev/null");
  const std::string words = fmt::format("standard output cannot be written: {}", std::generic_category().message(reason));
  return problem(reason == EPIPE ? exit_code::broken_pipe : exit_code::storage, words);
}

outcome<> check_takes_archive() {
  if (is_terminal(standard_output)) {
    return usage_problem("an archive is not written to a terminal", "redirect standard output, or name a file with -o FILE");
  }
  // What was closed is held open for reading since the program began.
  const int flags = ::fcntl(standard_output, F_GETFL);
  if (flags >= 0 && (flags & O_ACCMODE) != O_RDONLY) return {};
  return problem(exit_code::storage, "standard output is closed, or open for reading alone",
                 "redirect it to a file or a program, or name a file with -o FILE");
}

std::size_t result_width() { return is_terminal(standard_output) ? size_of_terminal(standard_output).width : 0; }

}  // namespace gantry::app
