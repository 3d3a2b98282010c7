#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// Whether a descriptor is a terminal that understands cursor movement (TERM is set and not `dumb`).
bool is_live_terminal(int descriptor);

/// Whether a descriptor is any terminal.
bool is_terminal(int descriptor);

/// Whether colours are wanted on a descriptor: never with NO_COLOR set to something, or CLICOLOR to 0; always with CLICOLOR_FORCE set to
/// something else; otherwise where it is a terminal that is not `dumb`.
bool wants_color(int descriptor);

/// Whether the locale's characters are UTF-8 (LC_ALL, LC_CTYPE, LANG in this order).
bool locale_is_utf8();

struct terminal_size {
  std::size_t width = 80;
  std::size_t height = 24;
};

/// Columns of the terminal behind a descriptor; 0 where it is none, or nobody has said how wide it is.
std::size_t known_columns(int descriptor);

/// Asked anew for each frame: a resize needs no signal.
terminal_size size_of_terminal(int descriptor);

/// Writes everything, restarted when interrupted. \returns whether it could.
bool write_all(int descriptor, std::string_view text);

/// The block of live lines at the bottom of a terminal. Every change is one write, so that nothing flickers. The cursor is hidden while
/// lines stand and shown again by \ref clear, \ref restore and the destructor.
class live_block {
 public:
  explicit live_block(int descriptor) : descriptor_(descriptor) {}
  ~live_block() { restore(); }
  live_block(const live_block&) = delete;
  live_block& operator=(const live_block&) = delete;

  /// Replaces the block.
  void show(const std::vector<std::string>& lines, std::size_t width);
  /// Takes the block away and prints \p text, which ends in a newline or is empty, in its place.
  void clear(std::string_view text = {});
  /// Leaves the lines, shows the cursor. Only writes, so that it may be called before the process ends at once.
  void restore();

  /// The bytes that \ref show writes: pure, for tests. \param before widths of the lines that stand now
  static std::string frame_bytes(const std::vector<std::string>& lines, const std::vector<std::size_t>& before, std::size_t width);

 private:
  int descriptor_;
  bool hidden_ = false;
  std::vector<std::size_t> shown_;  // columns of each line that stands
};

}  // namespace gantry::app
