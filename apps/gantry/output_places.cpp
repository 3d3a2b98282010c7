#include "output_places.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <system_error>

#include <unistd.h>

namespace gantry::app {
namespace {

namespace fs = std::filesystem;

bool is_special(const fs::path& path) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  return fs::exists(status) && !fs::is_regular_file(status) && !fs::is_directory(status);
}

/// One spelling for each file, also for one that is not there yet.
fs::path settled(const fs::path& path) {
  std::error_code ec;
  fs::path whole = fs::weakly_canonical(fs::absolute(path, ec), ec);
  if (ec || whole.empty()) whole = path.lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

bool is_same(const fs::path& one, const fs::path& other) {
  if (settled(one) == settled(other)) return true;
  std::error_code ec;
  return fs::equivalent(one, other, ec) && !ec;
}

/// Whether \p directory is \p path or one above it.
bool is_within(const fs::path& path, const fs::path& directory) {
  const fs::path whole = settled(path);
  const fs::path above = settled(directory);
  return std::mismatch(above.begin(), above.end(), whole.begin(), whole.end()).first == above.end();
}

}  // namespace

std::vector<output_place> common_outputs(const common_options& options) {
  std::vector<output_place> places;
  if (!options.log_file.empty()) places.push_back({"--log-file", options.log_file});
  if (!options.report.empty()) places.push_back({"--report", options.report});
  return places;
}

outcome<> check_distinct(const std::vector<output_place>& places) {
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (is_special(places[i].path)) continue;
    for (std::size_t k = 0; k < i; ++k) {
      if (!is_same(places[k].path, places[i].path)) continue;
      return usage_problem(fmt::format("{} and {} would both be {}", places[k].what, places[i].what, places[i].path.string()),
                           "give each a name of its own");
    }
  }
  return {};
}

outcome<> check_directory(const output_place& place, const fs::path& to_be_made) {
  if (is_special(place.path)) return {};
  std::error_code ec;
  // A link is written where it leads to.
  const bool is_link = fs::is_symlink(place.path, ec);
  const fs::path target = is_link ? settled(place.path) : place.path;
  const fs::path directory = target.has_parent_path() ? target.parent_path() : fs::path(".");
  const fs::file_status status = fs::status(directory, ec);
  if (status.type() == fs::file_type::not_found && !to_be_made.empty() && is_within(to_be_made, directory)) return {};
  if (status.type() == fs::file_type::not_found) {
    return problem(exit_code::storage, fmt::format("cannot write {}: the directory {} does not exist; create it first", place.path.string(),
                                                   directory.string()));
  }
  if (fs::exists(status) && !fs::is_directory(status)) {
    return problem(exit_code::storage, fmt::format("cannot write {}: {} is not a directory", place.path.string(), directory.string()));
  }
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return problem(exit_code::storage,
                 fmt::format("cannot write {}: {}: {}", place.path.string(), directory.string(), std::generic_category().message(errno)));
}

}  // namespace gantry::app
