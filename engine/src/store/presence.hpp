#pragma once

#include "base/failure.hpp"
#include "store/paths.hpp"

#include <gantry/descriptor.hpp>

#include <filesystem>

namespace gantry::store {

/// What those say who find that the store at \p root, which they have opened, is not there any more: errc::storage_error.
failure gone(const std::filesystem::path& root);

/// Whether there is a store. Blocking.
bool is_present(const paths& where) noexcept;

/// \ref gone unless there is a store. Who works in one asks before he makes a directory or a lock file: made anew in the place of one that
/// was removed, or under the name where its disk was mounted, it would lack all that the operation relies on, and fill another disk.
result<void> check_presence(const paths& where);

/// The same for a disk that has no room left for \p blob: errc::no_space.
failure full(const std::filesystem::path& root, const descriptor& blob);

/// \p error, met while \p blob was written into a store, for those who know nothing of its files: one of these that vanished is no "not
/// found" of what they asked for. Other errors stay as they are. Blocking.
failure inside_store(const paths& where, const descriptor& blob, const failure& error);

}  // namespace gantry::store
