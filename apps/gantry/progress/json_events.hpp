#pragma once

#include "progress/renderer.hpp"

#include <string>

namespace gantry::app {

/// The version of the NDJSON that `--progress json` prints. Members and types may be added under the same version.
inline constexpr unsigned json_progress_version = 1;

/// One event as a JSON object with a member `type`, without newline. Sizes are bytes, times milliseconds.
std::string json_event(const event& what);

/// How the kinds of an event's enumerations are called, in JSON and in the report.
const char* name_of(segment_kind kind);
const char* name_of(segment_end end);
const char* name_of(concurrency_reason reason);

/// The same for what is no event of the engine: types `message`, `error` and `summary`.
std::string json_message(severity level, const std::string& text);
std::string json_error(const error_report& report);
std::string json_summary(const run_summary& totals);
std::string json_summary(const upload_totals& totals);

}  // namespace gantry::app
