#pragma once

#include "base/failure.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace gantry::archive {

/// The directory that a name stands in; `.` for a bare name.
std::filesystem::path directory_of(const std::filesystem::path& path);

/// The name that an output will get, symbolic links resolved; its directory exists. errc::invalid_option (empty), errc::file_not_found (no
/// such directory), errc::access_denied, errc::storage_error
result<std::filesystem::path> resolve_output(const std::filesystem::path& path);

/// `.<name>.gantry-part` beside \p target.
std::filesystem::path part_of(const std::filesystem::path& target);

/// Whether \p name leads to the file that is open, not through a link.
bool names_it(const std::filesystem::path& name, int descriptor);

/// errc::no_space when the file system of \p target has no room for \p expected_size bytes; 0 is always fine.
std::optional<failure> lack_of_space(const std::filesystem::path& target, std::uint64_t expected_size);

}  // namespace gantry::archive
