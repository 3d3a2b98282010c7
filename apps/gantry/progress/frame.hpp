#pragma once

#include "progress/state.hpp"

#include <string>
#include <vector>

namespace gantry::app {

/// What a terminal can show.
struct frame_style {
  std::size_t width = 80;   ///< columns
  std::size_t height = 24;  ///< rows
  bool color = true;
  bool unicode = true;
};

/// The live lines for a state, at most height - 1 of them and none wider than width - 1 columns (colour sequences not counted), so that a
/// terminal never wraps or scrolls them. Pure.
std::vector<std::string> render_frame(const progress_state& state, progress_clock::time_point now, const frame_style& style);

/// Columns that a rendered line takes: colour sequences count nothing.
std::size_t visible_columns(const std::string& line);

}  // namespace gantry::app
