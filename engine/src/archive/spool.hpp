#pragma once

#include "archive/byte_input.hpp"
#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <atomic>
#include <filesystem>

namespace gantry::archive {

/// Writes all of \p from into a file in \p directory that has no name any more, for what must be read more than once. Open for reading.
result<runtime::file> spool(byte_input& from, const std::filesystem::path& directory, const std::atomic<bool>& stop);

}  // namespace gantry::archive
