#pragma once

#include "options.hpp"

#include <cstddef>
#include <string>

namespace gantry::app {

/// Columns that help takes: those of the terminal, at most 100. \param terminal its width; 0: none is there \param variable COLUMNS, which
/// counts where there is no terminal
std::size_t help_columns(std::size_t terminal, const std::string& variable);

/// The help of a command in \p width columns. Descriptions stand beside their options, on narrow pages below them.
std::string help_page(const help_text& help, std::size_t width);

/// Lines of a text that are longer than \p width columns, wrapped so that what follows the first two spaces in a row after the beginning
/// stands in its own column. For tables like the list of commands.
std::string wrap_table(const std::string& text, std::size_t width);

}  // namespace gantry::app
