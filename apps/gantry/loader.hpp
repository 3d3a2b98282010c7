#pragma once

#include "outcome.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <sys/types.h>

namespace gantry::app {

/// A local engine's own load command, which reads an archive from a pipe: `docker load`, `podman load`, `ctr images import -`.
class loader {
 public:
  /// Whether \p engine is one of those.
  static bool knows(std::string_view engine) noexcept;

  /// Starts the command. Not found: exit code 4.
  static outcome<std::unique_ptr<loader>> start(const std::string& engine);

  /// Without \ref finish: takes the pipe away, which the command answers with an error, and waits for its end.
  ~loader();
  loader(const loader&) = delete;
  loader& operator=(const loader&) = delete;

  /// Where the archive goes; closed by \ref finish.
  int descriptor() const noexcept { return pipe_; }
  /// `docker load`
  const std::string& command() const noexcept { return command_; }

  /// Whether nobody reads the pipe any more. Before \ref finish.
  bool abandoned() const noexcept;

  /// The archive is complete, or will not be: closes the pipe and waits for the command.
  /// \param stopped asked now and then; true ends the command
  /// \returns what the command said, without control characters; a problem with its words when it failed
  outcome<std::string> finish(const std::function<bool()>& stopped);

  /// Whether the command ended and left something of the archive in the pipe: more than the zeros that end one. After \ref finish.
  bool left_unread() const noexcept { return left_unread_; }

 private:
  loader(std::string command, pid_t child, int pipe, int said) : command_(std::move(command)), child_(child), pipe_(pipe), said_(said) {}
  void close_pipe() noexcept;
  /// What the command has written so far: the end of it, in one line.
  std::string words() const;

  std::string command_;
  pid_t child_;
  int pipe_;
  int said_;  ///< a file that takes what the command writes
  bool left_unread_ = false;
};

/// Text of another program in one line: control characters become blanks, only the last \p limit bytes are kept.
std::string one_line(std::string_view text, std::size_t limit);

}  // namespace gantry::app
