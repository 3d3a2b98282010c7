#include "standard_output.hpp"

#include "progress/terminal.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace gantry::app {

outcome<> write_result(std::string_view text) {
  constexpr int standard_output = 1;
  errno = 0;
  if (write_all(standard_output, text)) return {};
  const int reason = errno == 0 ? EIO : errno;
  const std::string words = fmt::format("standard output cannot be written: {}", std::generic_category().message(reason));
  return problem(reason == EPIPE ? exit_code::broken_pipe : exit_code::storage, words);
}

std::size_t result_width() { return is_terminal(1) ? size_of_terminal(1).width : 0; }

}  // namespace gantry::app
