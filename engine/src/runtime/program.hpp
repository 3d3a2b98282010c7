#pragma once

#include "base/failure.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::runtime {

/// A program of somebody else's to be run to its end. No shell is involved.
struct program {
  std::filesystem::path file;
  std::vector<std::string> arguments;       ///< behind the program's name; every user of the machine can read them: no secrets
  std::string input;                        ///< its standard input, where secrets belong
  std::chrono::milliseconds limit{30'000};  ///< whoever takes longer is ended
  std::size_t output_limit = 128 * 1024;    ///< bytes of standard output; whoever writes more is ended
};

/// How a program ended.
struct program_end {
  int status = -1;         ///< its exit status; -1 when it did not come to one
  int signal = 0;          ///< what ended it, 0 when it ended by itself
  bool timed_out = false;  ///< ended here, at its limit
  bool too_much = false;   ///< ended here, because of what it wrote
  bool stopped = false;    ///< ended here, because nobody waits for it any more
  std::string output;      ///< standard output
  std::string errors;      ///< the first bytes of standard error
};

/// Looks a program up in a PATH. Entries that are empty or relative are passed over: what lies in the current directory is not run.
/// \param name without a slash
std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view path);

/// Runs a program, blocking: for a worker thread. It gets the environment of this process, the usual signal dispositions, a process group
/// of its own and no other descriptors than its standard ones. Descendants that outlive it are left alone unless it had to be ended.
/// errc::storage_error or what \ref system_failure makes of it when it cannot be started; every other end is a result.
/// \param stop when requested, on another thread, the program is ended with its children, within some hundredths of a second
result<program_end> run_program(const program& what, const std::stop_token& stop = {});

}  // namespace gantry::runtime
