#include "progress/terminal.hpp"

#include "progress/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace gantry::app {
namespace {

constexpr std::string_view hide_cursor = "\x1b[?25l";
constexpr std::string_view show_cursor = "\x1b[?25h";

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// Moves to the first row of the block. A terminal that became narrower has wrapped the lines: they stand on more rows now.
std::string move_up(const std::vector<std::size_t>& before, std::size_t width) {
  std::size_t rows = 0;
  for (const std::size_t length : before) rows += width == 0 ? 1 : std::max<std::size_t>(1, (length + width - 1) / width);
  return rows == 0 ? std::string("\r") : fmt::format("\r\x1b[{}A", rows);
}

}  // namespace

bool is_terminal(int descriptor) { return ::isatty(descriptor) == 1; }

bool is_live_terminal(int descriptor) {
  const std::string_view term = variable("TERM");
  return is_terminal(descriptor) && !term.empty() && term != "dumb";
}

bool wants_color(int descriptor) {
  if (!variable("NO_COLOR").empty() || variable("CLICOLOR") == "0") return false;
  if (const std::string_view forced = variable("CLICOLOR_FORCE"); !forced.empty() && forced != "0") return true;
  return is_live_terminal(descriptor);
}

bool locale_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value(variable(name));
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return value.find("utf-8") != std::string::npos || value.find("utf8") != std::string::npos;
  }
  return false;
}

std::size_t known_columns(int descriptor) {
  winsize size{};
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return 0;
  return size.ws_col;
}

terminal_size size_of_terminal(int descriptor) {
  winsize size{};
  terminal_size known;
  if (::ioctl(descriptor, TIOCGWINSZ, &size) != 0) return known;
  // Who sets one of them, as `stty cols 40` in script(1) does, leaves the other at 0.
  if (size.ws_col != 0) known.width = size.ws_col;
  if (size.ws_row != 0) known.height = size.ws_row;
  return known;
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(descriptor, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      pollfd ready{descriptor, POLLOUT, 0};  // another program left the descriptor non-blocking
      ::poll(&ready, 1, -1);
    } else if (written < 0 && errno != EINTR) {
      return false;
    }
  }
  return true;
}

std::string live_block::frame_bytes(const std::vector<std::string>& lines, const std::vector<std::size_t>& before, std::size_t width) {
  std::string bytes = move_up(before, width);
  for (const auto& line : lines) bytes += line + "\x1b[K\n";
  if (!before.empty()) bytes += "\x1b[J";
  return bytes;
}

void live_block::show(const std::vector<std::string>& lines, std::size_t width) {
  std::string bytes;
  if (!hidden_) bytes += hide_cursor;
  hidden_ = true;
  bytes += frame_bytes(lines, shown_, width);
  shown_.clear();
  for (const auto& line : lines) shown_.push_back(visible_columns(line));
  write_all(descriptor_, bytes);
}

void live_block::clear(std::string_view text) {
  std::string bytes;
  if (!shown_.empty()) bytes += move_up(shown_, size_of_terminal(descriptor_).width) + "\x1b[J";
  bytes += text;
  if (hidden_) bytes += show_cursor;
  hidden_ = false;
  shown_.clear();
  if (!bytes.empty()) write_all(descriptor_, bytes);
}

void live_block::restore() {
  if (hidden_) write_all(descriptor_, show_cursor);
  hidden_ = false;
  shown_.clear();
}

}  // namespace gantry::app
