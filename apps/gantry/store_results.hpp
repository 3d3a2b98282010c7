#pragma once

#include <gantry/store.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace gantry::app {

/// `1 name`, `3 names`
std::string counted(std::size_t number, const char* word);

/// A table for people, one line a name, with a header; empty for an empty store.
/// \param width columns of a terminal: where a row is wider, what stands behind a name goes below it; 0: no terminal
std::string list_table(const list_result& all, std::chrono::system_clock::time_point now, std::size_t width = 0);
/// `3 names, 12 blobs, 240.1 MB in /path`
std::string usage_text(const list_result& all);
/// One JSON document; its shape stands in `gantry list --help`.
std::string list_json(const list_result& all);

/// The names that went, one a line.
std::string clean_lines(const clean_result& done);
/// `2 names and 7 blobs removed, 131.0 MB freed; 240.1 MB remain in /path`
std::string clean_text(const clean_result& done, bool dry_run);
std::string clean_json(const clean_result& done, bool dry_run);

/// `damaged|missing|repaired DIGEST NAME...`, one line a blob; `damaged|repaired record NAME` for a name whose record cannot be read.
std::string verify_lines(const verify_result& found);
std::string verify_text(const verify_result& found, std::chrono::milliseconds elapsed);
std::string verify_json(const verify_result& found);

/// Whether a damaged file could not be set aside.
bool any_in_place(const std::vector<damaged_blob>& damaged);
/// Names whose record cannot be read and was not repaired.
std::size_t damaged_records(const std::vector<damaged_blob>& damaged);
/// Blobs and records that are not what they should be and were not repaired, although something needs them or nobody tried.
std::size_t unrepaired(const verify_result& found, bool repair);

}  // namespace gantry::app
