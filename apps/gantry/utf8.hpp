#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::app {

/// Bytes of the character that \p text begins with; 0 when it is empty or begins with invalid UTF-8.
std::size_t utf8_length(std::string_view text) noexcept;

/// \p text without the byte order mark that editors on Windows put in front of a file.
std::string_view without_byte_order_mark(std::string_view text) noexcept;

/// \p text for a terminal: each control character but a newline (C0, C1, DEL), each character that turns the direction of writing, and each
/// byte that is no UTF-8, is a '?'; a tab is a blank. What others wrote, names in a list or a file's name, goes out through it.
std::string printable(std::string_view text);

/// Terminal columns of \p text, see character_width; each invalid byte counts as one.
std::size_t columns(std::string_view text) noexcept;

/// \p text cut to at most \p width columns; '~' stands at its end when something was cut. No character is cut in two.
std::string fit(std::string_view text, std::size_t width);

/// \p text in lines of at most \p width columns, broken at spaces where there are some; each but the first begins with \p indent spaces.
/// A word that is too long for a line is broken behind one of \p breaks, where it has some: JSON has no spaces.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent, std::string_view breaks = ",|");

}  // namespace gantry::app
