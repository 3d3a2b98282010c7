#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace gantry::app {

/// Bytes of the character that \p text begins with; 0 when it is empty or begins with invalid UTF-8.
std::size_t utf8_length(std::string_view text) noexcept;

/// Characters in \p text, each invalid byte counted as one. Equals terminal columns for everything this program draws.
std::size_t columns(std::string_view text) noexcept;

/// \p text cut to at most \p width columns; the last one is '~' when something was cut.
std::string fit(std::string_view text, std::size_t width);

}  // namespace gantry::app
