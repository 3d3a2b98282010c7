#pragma once

#include "progress/renderer.hpp"
#include "progress/state.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>

namespace gantry::app {

/// A transition in words, for people and log files; nothing for pure progress. Warnings carry severity::warning, all else severity::info.
std::optional<std::pair<severity, std::string>> describe(const event& what);

/// `4f06a1b2c3d4: done, 12.3 MB`. \param came the word for a blob that was not there before
std::string finished_text(const blob_finished& what, const char* came = "done");

// What goes to a terminal is cleaned here, see printable(), and broken at blanks where a line has no room. `width` below is in columns;
// 0: lines stay whole.

/// The lines of \p text for a terminal. Words stay whole whatever their length, since a digest or an address is copied from there; so does
/// `'gantry ...'` where a line has room for it.
std::string wrap_lines(const std::string& text, std::size_t width);

/// `gantry: warning: <text>` and the like, with a newline. \param color what it is about stands out
std::string message_text(severity level, const std::string& text, bool color = false, std::size_t width = 0);

/// `gantry: <message>`, `registry said: <server message>`, `hint: <hint>`, a line each.
std::string error_text(const error_report& report, bool color = false, std::size_t width = 0);

/// One line about the run and, when layers came from the store or an earlier run, one about that:
/// `cache: 5/6 layers reused, 131.0 MB not downloaded`.
std::string summary_text(const run_summary& totals);

/// `48 s left`; whole seconds, for it is an estimate.
std::string time_left(std::chrono::seconds left);

/// `12.3 MB of 210.4 MB (5 %), 4.1 MB/s, 48 s left` without newline; empty before the plan is known.
std::string status_text(const progress_state& state, progress_clock::time_point now);

}  // namespace gantry::app
