#pragma once

#include <cstddef>

namespace gantry::app {

/// Columns that a terminal gives to a character: 2 for wide ones as in Chinese, Japanese, Korean and most emoji, 0 for combining marks,
/// else 1. The same everywhere, whatever locale the process has, unlike wcwidth(3).
std::size_t character_width(char32_t c) noexcept;

}  // namespace gantry::app
