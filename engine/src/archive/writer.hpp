#pragma once

#include "archive/layout.hpp"
#include "archive/sink.hpp"
#include "model/blob_source.hpp"

#include <atomic>
#include <cstdint>
#include <functional>

namespace gantry::archive {

/// Called after each piece with the bytes of the plain tar so far and in total; on the writing thread, must not throw.
using archive_progress_handler = std::function<void(std::uint64_t done, std::uint64_t total)>;

/// Writes \p plan, filling it with blobs from \p blobs, and finishes \p to. Blocking.
///
/// Blobs are opened in archive order, each right after the header of its entry was written and at most one at a time; \p blobs may wait in
/// open() for a blob that is still on its way, unless the whole is stopped. A blob's length must be what its descriptor says; bytes that
/// pass through memory are hashed again, those that the kernel copies are not.
///
/// On failure or stop the output ends inside an entry (header sent, content not), never where a tar reader would take it for a whole
/// archive. A sink that buffers has then passed on what belongs before that point or less, and is not finished.
///
/// \param stop looked at between pieces of at most 1 MiB
/// \returns the bytes of the plain tar, \p plan.size; errc::cancelled when stopped, errc::size_mismatch or errc::digest_mismatch naming the
/// blob, else what \p blobs or \p to failed with
result<std::uint64_t> write_archive(const layout& plan, model::blob_source& blobs, byte_sink& to, const archive_progress_handler& progress,
                                    const std::atomic<bool>& stop);

/// Copies the whole content of \p blob, in pieces; see \ref write_archive for what is checked and for the errors.
/// \param moved called with the bytes of each piece that went out
result<void> copy_blob(const descriptor& blob, model::blob_reader& from, byte_sink& to, const std::function<void(std::uint64_t)>& moved,
                       const std::atomic<bool>& stop);

}  // namespace gantry::archive
