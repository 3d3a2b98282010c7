#pragma once

#include <cstdint>

namespace gantry::runtime {

/// What became of a copy inside the kernel.
enum class kernel_copy_status {
  copied,       ///< some bytes moved; \ref kernel_copy::bytes says how many, 0 means that the source has ended
  would_block,  ///< the pipe or socket is full; wait until it is writable
  unsupported,  ///< these two descriptors cannot do it: read and write instead
  failed,       ///< \ref kernel_copy::error is the errno
};

struct kernel_copy {
  kernel_copy_status status = kernel_copy_status::unsupported;
  std::uint64_t bytes = 0;
  int error = 0;
};

/// Copies up to \p length bytes between two regular files at the given offsets, neither descriptor's own offset changes (copy_file_range).
kernel_copy copy_between_files(int from, std::uint64_t from_offset, int to, std::uint64_t to_offset, std::uint64_t length) noexcept;

/// Makes \p to, which is empty, share the content of \p from: no bytes are copied where the file system can do it (FICLONE).
/// \returns copied, unsupported or failed
kernel_copy clone_file(int from, int to) noexcept;

/// Gives an open file one more name, which must not be there yet (linkat). \returns copied, unsupported or failed
kernel_copy link_file(int from, const char* path) noexcept;

/// Moves up to \p length bytes of a regular file into a pipe without ever waiting for the pipe, whether or not it is O_NONBLOCK (splice). A
/// pipe without readers raises SIGPIPE: see \ref broken_pipe_guard.
kernel_copy copy_into_pipe(int from, std::uint64_t from_offset, int pipe, std::uint64_t length) noexcept;

/// Sends up to \p length bytes of a regular file over a non-blocking socket (sendfile); may wait for the disk. A socket whose peer is gone
/// raises SIGPIPE: see \ref broken_pipe_guard.
kernel_copy copy_into_socket(int from, std::uint64_t from_offset, int socket, std::uint64_t length) noexcept;

}  // namespace gantry::runtime
