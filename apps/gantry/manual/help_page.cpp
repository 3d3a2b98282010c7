#include "manual/help_page.hpp"

#include "manual/examples.hpp"
#include "utf8.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>
#include <system_error>

namespace gantry::app {
namespace {

constexpr std::size_t name_indent = 2;
constexpr std::size_t description_indent = 6;   // below an option
constexpr std::size_t description_column = 32;  // beside it
constexpr std::size_t two_column_width = 72;    // narrower pages have no room for that column
constexpr std::size_t narrowest = 16;           // what says that it is narrower is not believed
constexpr std::size_t widest = 100;             // longer lines are hard to read

bool is_long(const std::string& name) { return name.starts_with("--"); }

// An option with several long names shows the first, and tells the others behind what it does.
std::string head_of(const option_row& row) {
  std::string names;
  bool has_long = false;
  for (const std::string& name : row.names) {
    if (has_long) break;
    names += (names.empty() ? "" : ", ") + name;
    has_long = is_long(name);
  }
  if (row.value.empty()) return names;
  return names + (row.value_may_lack ? "[=" + row.value + "]" : " " + row.value);
}

std::string description_of(const option_row& row) {
  std::string others;
  bool has_long = false;
  for (const std::string& name : row.names) {
    if (has_long) others += (others.empty() ? "; also " : ", ") + name;
    has_long = has_long || is_long(name);
  }
  return row.description + others;
}

/// `gantry pull` of `gantry pull IMAGE... [OPTION...]`.
std::string command_of(const std::string& usage) {
  const std::size_t first = usage.find(' ');
  return usage.substr(0, first == std::string::npos ? first : usage.find(' ', first + 1));
}

std::string indented(std::string_view text, std::size_t width, std::size_t indent, std::size_t next) {
  // The first line begins further right than wrap() knows.
  return wrap(std::string(indent, '\x01') + std::string(text), width, next).replace(0, indent, indent, ' ');
}

/// An option beside its description, which has a column of its own where the page is wide enough, else stands below.
std::string row_text(const option_row& row, std::size_t width) {
  const std::string head = indented(head_of(row), width, name_indent, description_indent);
  if (width < two_column_width) return head + "\n" + indented(description_of(row), width, description_indent, description_indent) + "\n";
  const std::string described = indented(description_of(row), width, description_column, description_column);
  if (columns(head) + 2 > description_column) return head + "\n" + described + "\n";
  return head + described.substr(columns(head)) + "\n";
}

}  // namespace

std::size_t help_columns(std::size_t terminal, const std::string& variable) {
  std::size_t wanted = terminal;
  if (terminal == 0 && std::from_chars(variable.data(), variable.data() + variable.size(), wanted).ec != std::errc()) wanted = 0;
  return wanted < narrowest ? widest : std::min(wanted, widest);
}

std::string help_page(const help_text& help, std::size_t width) {
  std::string page = indented("Usage: " + help.usage, width, 0, name_indent) + "\n\n" + wrap(help.description, width, 0) + "\n";
  std::string group;
  for (const option_row& row : help.options) {
    if (row.group != group) page += "\n" + (group = row.group) + ":\n";
    page += row_text(row, width);
  }
  if (!help.remarks.empty()) page += "\n" + wrap_table(help.remarks, width);
  return page + examples_text(command_of(help.usage), width);
}

std::string wrap_table(const std::string& text, std::size_t width) {
  if (width == 0) return text;
  std::string wrapped;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (columns(line) <= width) {
      wrapped += line + "\n";
      continue;
    }
    const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
    const std::size_t gap = line.find("  ", begin);
    const std::size_t second = gap == std::string::npos ? gap : line.find_first_not_of(' ', gap);
    if (second == std::string::npos) {
      wrapped += indented(line.substr(begin), width, begin, begin) + "\n";
    } else if (second + 24 <= width) {
      // Room enough for the second column where it is.
      wrapped += line.substr(0, second) + indented(line.substr(second), width, second, second).substr(second) + "\n";
    } else {
      wrapped += line.substr(0, gap) + "\n" + indented(line.substr(second), width, begin + 4, begin + 4) + "\n";
    }
  }
  return wrapped;
}

}  // namespace gantry::app
