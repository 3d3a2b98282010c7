#include "runtime/kernel_copy.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/types.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/fs.h>
#include <sys/sendfile.h>
#endif

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>

namespace gantry::runtime {
namespace {

constexpr std::uint64_t largest_step = std::uint64_t{1} << 30;

#ifdef __linux__
kernel_copy outcome(ssize_t moved) noexcept {
  if (moved >= 0) return {kernel_copy_status::copied, static_cast<std::uint64_t>(moved), 0};
  switch (errno) {
    case EAGAIN:
      return {kernel_copy_status::would_block, 0, EAGAIN};
    // Old kernels, seccomp filters, two file systems, append-only targets: none says anything about the data.
    case ENOSYS:
    case EXDEV:
    case EINVAL:
    case EOPNOTSUPP:
    case EBADF:
    case EPERM:
    case ETXTBSY:
      return {kernel_copy_status::unsupported, 0, errno};
    default:
      return {kernel_copy_status::failed, 0, errno};
  }
}
#endif

}  // namespace

kernel_copy copy_between_files([[maybe_unused]] int from, [[maybe_unused]] std::uint64_t from_offset, [[maybe_unused]] int to,
                               [[maybe_unused]] std::uint64_t to_offset, [[maybe_unused]] std::uint64_t length) noexcept {
#ifdef __linux__
  auto in = static_cast<off64_t>(from_offset);
  auto out = static_cast<off64_t>(to_offset);
  ssize_t moved = 0;
  do {
    moved = ::copy_file_range(from, &in, to, &out, static_cast<std::size_t>(std::min(length, largest_step)), 0);
  } while (moved < 0 && errno == EINTR);
  return outcome(moved);
#else
  return {};
#endif
}

kernel_copy clone_file([[maybe_unused]] int from, [[maybe_unused]] int to) noexcept {
#ifdef __linux__
  const kernel_copy cloned = outcome(::ioctl(to, FICLONE, from));
  // What a file system without clones says.
  const bool foreign = cloned.status == kernel_copy_status::failed && cloned.error == ENOTTY;
  return foreign ? kernel_copy{} : cloned;
#else
  return {};
#endif
}

kernel_copy link_file([[maybe_unused]] int from, [[maybe_unused]] const char* path) noexcept {
#ifdef __linux__
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "/proc/self/fd/%d", from);
  const kernel_copy linked = outcome(::linkat(AT_FDCWD, name.data(), AT_FDCWD, path, AT_SYMLINK_FOLLOW));
  // No /proc, as many links as the file system counts, links of others' files forbidden.
  const bool refused =
      linked.status == kernel_copy_status::failed && (linked.error == ENOENT || linked.error == EMLINK || linked.error == EACCES);
  return refused ? kernel_copy{} : linked;
#else
  return {};
#endif
}

kernel_copy copy_into_pipe([[maybe_unused]] int from, [[maybe_unused]] std::uint64_t from_offset, [[maybe_unused]] int pipe,
                           [[maybe_unused]] std::uint64_t length) noexcept {
#ifdef __linux__
  auto in = static_cast<off64_t>(from_offset);
  ssize_t moved = 0;
  do {
    moved = ::splice(from, &in, pipe, nullptr, static_cast<std::size_t>(std::min(length, largest_step)), SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
  } while (moved < 0 && errno == EINTR);
  return outcome(moved);
#else
  return {};
#endif
}

kernel_copy copy_into_socket([[maybe_unused]] int from, [[maybe_unused]] std::uint64_t from_offset, [[maybe_unused]] int socket,
                             [[maybe_unused]] std::uint64_t length) noexcept {
#ifdef __linux__
  auto in = static_cast<off64_t>(from_offset);
  ssize_t moved = 0;
  do {
    moved = ::sendfile64(socket, from, &in, static_cast<std::size_t>(std::min(length, largest_step)));
  } while (moved < 0 && errno == EINTR);
  return outcome(moved);
#else
  return {};
#endif
}

}  // namespace gantry::runtime
