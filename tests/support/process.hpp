#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::test {

/// What to start. No shell is involved: `argv[0]` is looked up in PATH, the rest is passed as it stands.
struct command {
  std::vector<std::string> argv{};
  /// Set on top of the environment of the test; a value of nullopt removes the variable.
  std::map<std::string, std::optional<std::string>> env{};
  std::filesystem::path directory{};  ///< empty: the directory of the test
  std::string input{};                ///< standard input of \ref run
};

/// How a process ended and what it wrote.
struct outcome {
  int status = -1;         ///< exit status; -1 when a signal ended it
  int signal = 0;          ///< the signal that ended it, or 0
  bool timed_out = false;  ///< killed by \ref run at its limit
  std::string out;
  std::string err;
  long max_rss_kib = 0;  ///< peak resident set

  bool ok() const noexcept { return status == 0; }
};

/// Runs a program to its end; with SIGKILL when \p limit is over. \throws std::system_error when it cannot be started.
outcome run(const command& what, std::chrono::milliseconds limit = std::chrono::minutes(3));

/// Runs a program that a test relies on. \throws std::runtime_error with its output when it fails.
std::string run_or_throw(const command& what, std::chrono::milliseconds limit = std::chrono::minutes(3));

/// A program in the background; it is killed when the object goes out of scope, and when the test dies.
class child {
 public:
  /// Standard input is empty; standard output and error go to \p output, or are dropped when that is empty.
  child(const command& what, const std::filesystem::path& output);
  child(const child&) = delete;
  child& operator=(const child&) = delete;
  ~child();

  pid_t pid() const noexcept { return pid_; }
  /// Whether it has not ended yet.
  bool running();
  void signal(int number) noexcept;
  /// Waits for the end. \returns nothing when \p limit is over first.
  std::optional<outcome> wait(std::chrono::milliseconds limit);

 private:
  pid_t pid_ = -1;
  std::optional<outcome> ended_;
};

/// Whether PATH has a program of that name.
bool has_program(const std::string& name);

}  // namespace gantry::test
