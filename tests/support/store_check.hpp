#pragma once

#include <filesystem>
#include <set>
#include <string>

namespace gantry::test {

/// What is wrong with a store, whatever happened to it (DESIGN section 4): a name in blobs/ that is not the digest of its content, a file
/// there that is no blob; a reference that does not resolve fully; an entry of index.json that leads nowhere; a lock that somebody still
/// holds, this process included. That is a \ref finding, too. Then parts, leases and temporary files that an operation left behind. One
/// line each; empty when all is well. Reads the files itself, without the engine. \param parts_allowed after an operation that failed or
/// was killed: parts to resume from, leases of the dead and temporary files may lie about
std::string store_problems(const std::filesystem::path& store, bool parts_allowed = false);

/// The names that a store has records of.
std::set<std::string> stored_names(const std::filesystem::path& store);

/// Bytes of all blobs.
std::uintmax_t stored_bytes(const std::filesystem::path& store);

/// Whether a byte of a file, or any byte, is locked by anybody.
bool is_locked(const std::filesystem::path& file);

}  // namespace gantry::test
