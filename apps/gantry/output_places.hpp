#pragma once

#include "options.hpp"
#include "outcome.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace gantry::app {

/// A file that a run is going to write.
struct output_place {
  std::string what;  ///< for messages: `the archive`, `--report`
  std::filesystem::path path;
};

/// Those of \p options: the log file and the page of `--report`.
std::vector<output_place> common_outputs(const common_options& options);

/// That no two of \p places are one file, by whatever names they are called (CLI.md: "Two outputs of one run with one name: exit 2").
/// Devices and pipes take everything.
outcome<> check_distinct(const std::vector<output_place>& places);

/// That the directory of \p place exists and takes files, so that nobody learns it after the transfer. \returns a problem of exit code 7
/// \param to_be_made a directory that the run will make, with those above it; empty: none
outcome<> check_directory(const output_place& place, const std::filesystem::path& to_be_made = {});

}  // namespace gantry::app
