#include "arguments.hpp"
#include "command.hpp"

#include <boost/system/system_error.hpp>

#include <exception>
#include <utility>

#include <csignal>
#include <new>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace {

/// At the first allocation that fails: sooner or later one would fail where nothing can be given up in good order. The store bears an end
/// at any moment; whoever called should learn why it came.
[[noreturn]] void end_without_memory() {
  constexpr std::string_view why = "gantry: out of memory; what was fetched is kept\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, why.data(), why.size());
  ::_exit(static_cast<int>(gantry::app::exit_code::failed));
}

/// The last words for what was thrown where the work could not begin.
int give_up(const std::exception& error, const std::error_code& code) {
  using gantry::app::exit_code;
  if (code == std::errc::too_many_files_open || code == std::errc::too_many_files_open_in_system) {
    return gantry::app::fail_early({exit_code::storage, "cannot begin: " + code.message() + "; raise the limit of open files (ulimit -n)"});
  }
  // Too few threads are no defect of ours either, and its words say what helps.
  const bool refused = code == std::errc::resource_unavailable_try_again;
  return gantry::app::fail_early({exit_code::failed, (refused ? "" : "internal error: ") + std::string(error.what())});
}

/// A descriptor of the three that the caller has closed would be given to the next file or connection, and what is said here would go into
/// that. What stands there from now on can be neither read nor written as it is meant to be, so that nothing is taken for success.
void occupy_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor) {
    if (::fcntl(descriptor, F_GETFD) < 0) ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  auto words = gantry::app::take_arguments(argc, argv);
  // A closed pipe is an error of one write, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::set_new_handler(end_without_memory);
  try {
    return gantry::app::run_program(std::move(words));
  } catch (const std::system_error& error) {
    return give_up(error, error.code());
  } catch (const boost::system::system_error& error) {
    return give_up(error, error.code());
  } catch (const std::exception& error) {
    return give_up(error, {});
  }
}
