#pragma once

#include "archive/layout.hpp"
#include "archive/output_directory.hpp"
#include "archive/writer.hpp"
#include "model/blob_source.hpp"

#include <atomic>
#include <cstdint>
#include <filesystem>

namespace gantry::archive {

/// Writes \p plan, which \ref plan_oci made, as files below \p to, and leaves the commit to the caller. Blocking.
///
/// A blob that is a file of its own is shared with the directory where that costs nothing and gives nothing away: as a clone; else as a
/// hard link, when the file is ours, read-only for everybody, and a new file would be as readable here; else it is copied.
///
/// \param sync whether files and directories are forced to disk
/// \param takes_over whether blobs that the directory of that name has, in the right size, are taken from there by hard link when the
/// source cannot share them; their bytes are not looked at
/// \returns bytes of all files; errc::cancelled when stopped, errc::size_mismatch or errc::digest_mismatch naming the blob, else what
/// \p blobs or the disk failed with
result<std::uint64_t> write_directory(const layout& plan, model::blob_source& blobs, const output_directory& to,
                                      const archive_progress_handler& progress, const std::atomic<bool>& stop, bool sync,
                                      bool takes_over = false);

/// Bytes of what \p plan has and \p directory, which it will replace, does not: those that have to be written when they are taken over.
std::uint64_t bytes_beside(const layout& plan, const std::filesystem::path& directory);

}  // namespace gantry::archive
