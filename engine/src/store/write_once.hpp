#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace gantry::store {

/// Writes like file::write_at, and lets the bytes leave memory as soon as they are on disk, where the system can do that (RWF_DONTCACHE,
/// Linux 6.14): the page cache keeps what others have use for, and its pages cost half of a long write.
result<void> write_once(const runtime::file& into, std::uint64_t offset, std::span<const std::byte> bytes);

}  // namespace gantry::store
