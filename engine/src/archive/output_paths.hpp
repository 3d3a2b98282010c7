#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace gantry::archive {

/// The directory that a name stands in; `.` for a bare name.
std::filesystem::path directory_of(const std::filesystem::path& path);

/// The name that an output will get, symbolic links resolved; its directory exists. errc::invalid_option (empty; a pipe, socket or
/// device is there), errc::file_not_found (no such directory), errc::access_denied, errc::storage_error (also a name that is too long)
result<std::filesystem::path> resolve_output(const std::filesystem::path& path);

/// `.<name>.gantry-part` beside \p target. Of a name so long that this, or what stands beside the part, would be none, the beginning and a
/// piece of its digest.
std::filesystem::path part_of(const std::filesystem::path& target);

/// Whether \p name leads to the file that is open, not through a link.
bool names_it(const std::filesystem::path& name, int descriptor);

/// Another process may create, finish or remove its part between any two calls of who claims one; each round notices one such change.
inline constexpr int claim_rounds = 16;

/// Takes the lock by which a part belongs to this process. \returns errc::in_use when another process writes \p target
result<void> claim_part(runtime::file& lock, const std::filesystem::path& target);

/// errc::in_use: \p target was finished or removed by others as often as it was begun here.
failure never_claimed(const std::filesystem::path& target);

/// errc::no_space when the file system of \p target has no room for \p expected_size bytes; 0 is always fine.
std::optional<failure> lack_of_space(const std::filesystem::path& target, std::uint64_t expected_size);

}  // namespace gantry::archive
