#include "archive/descriptor_sink.hpp"

#include "base/format.hpp"
#include "runtime/broken_pipe_guard.hpp"
#include "runtime/kernel_copy.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

namespace gantry::archive {
namespace {

/// How long a stop may go unnoticed while the reader is slow.
constexpr int poll_milliseconds = 200;
// For the last bytes of an output that breaks off.
constexpr int last_polls = 5;

}  // namespace

bool reader_is_gone(int descriptor) noexcept {
  struct stat about {};
  if (::fstat(descriptor, &about) != 0 || !(S_ISFIFO(about.st_mode) || S_ISSOCK(about.st_mode))) return false;
  // A pipe without readers is in error, a socket whose peer has closed is hung up.
  pollfd state{descriptor, 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

descriptor_sink::descriptor_sink(int descriptor, std::string name, const std::atomic<bool>& stop)
    : descriptor_(descriptor), name_(std::move(name)), stop_(stop), kind_(kind_of_file::other) {
  struct stat about {};
  // A descriptor that is not open fails the first write with a clear message.
  if (::fstat(descriptor_, &about) != 0) return;
  if (S_ISFIFO(about.st_mode)) kind_ = kind_of_file::pipe;
  if (S_ISSOCK(about.st_mode)) kind_ = kind_of_file::socket;
}

result<void> descriptor_sink::write(std::span<const std::byte> bytes) {
  if (bytes.empty()) return {};
  const runtime::broken_pipe_guard guard;
  const std::byte last = bytes.back();
  bytes = bytes.first(bytes.size() - 1);
  if (held_) {
    // In one write with what follows: alone, the byte could complete an entry with nothing behind it.
    std::array<std::byte, PIPE_BUF> together{*held_};
    const std::size_t more = std::min(bytes.size(), together.size() - 1);
    std::copy_n(bytes.begin(), more, together.begin() + 1);
    if (result<void> sent = send(std::span(together).first(more + 1)); !sent) return sent;
    held_.reset();
    bytes = bytes.subspan(more);
  }
  if (result<void> sent = send(bytes); !sent) return sent;
  held_ = last;
  return {};
}

result<void> descriptor_sink::finish() {
  const runtime::broken_pipe_guard guard;
  return send_held();
}

void descriptor_sink::break_off(std::span<const std::byte> last) {
  const runtime::broken_pipe_guard guard;
  std::vector<std::byte> rest;
  if (held_) rest.push_back(*std::exchange(held_, std::nullopt));
  rest.insert(rest.end(), last.begin(), last.end());
  std::span<const std::byte> bytes(rest);
  // A reader that takes nothing for so long is told nothing.
  for (int wait = 0; wait < last_polls && !bytes.empty(); ++wait) {
    pollfd wanted{descriptor_, POLLOUT, 0};
    if (kind_ != kind_of_file::other && ::poll(&wanted, 1, poll_milliseconds) <= 0) continue;
    const result<std::size_t> some = write_some(bytes);
    if (!some) return;
    bytes = bytes.subspan(*some);
  }
}

std::optional<failure> descriptor_sink::lost() const {
  if (!reader_is_gone(descriptor_)) return std::nullopt;
  return broken(EPIPE);
}

result<void> descriptor_sink::send_held() {
  if (!held_) return {};
  const std::byte only = *held_;
  held_.reset();
  return send(std::span(&only, 1));
}

result<void> descriptor_sink::send(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (const result<void> ready = wait_until_writable(); !ready) return ready.error();
    const result<std::size_t> some = write_some(bytes);
    if (!some) return some.error();
    bytes = bytes.subspan(*some);
  }
  return {};
}

result<void> descriptor_sink::copy(model::blob_reader& from, std::uint64_t offset, std::uint64_t length, content_kind kind,
                                   const byte_observer& seen) {
  const int handle = from.native_handle();
  if (kind_ == kind_of_file::pipe && handle >= 0 && length > 1 && splices_) {
    const runtime::broken_pipe_guard guard;
    // It ends a header or a piece of this very content: the output stays inside of an entry.
    if (result<void> sent = send_held(); !sent) return sent;
    // The rest passes through memory, to be held back.
    while (length > 1 && splices_) {
      if (const result<void> ready = wait_until_writable(); !ready) return ready.error();
      const runtime::kernel_copy step = runtime::copy_into_pipe(handle, offset, descriptor_, length - 1);
      if (step.status == runtime::kernel_copy_status::failed) return broken(step.error);
      if (step.status == runtime::kernel_copy_status::unsupported) splices_ = false;
      // 0 bytes: the blob ended early, which reading reports.
      if (step.status == runtime::kernel_copy_status::copied && step.bytes == 0) break;
      if (seen) {
        const result<void> looked = read_in_pieces(from, offset, step.bytes, [&seen](std::span<const std::byte> part) -> result<void> {
          seen(part);
          return {};
        });
        if (!looked) return looked.error();
      }
      offset += step.bytes;
      length -= step.bytes;
      written_ += step.bytes;
    }
  }
  return byte_sink::copy(from, offset, length, kind, seen);
}

result<void> descriptor_sink::wait_until_writable() {
  if (kind_ == kind_of_file::other) return {};
  for (;;) {
    if (stop_.load(std::memory_order_relaxed)) {
      return failure(errc::cancelled, fmt::format("stopped after {} of the archive went to {}", format_bytes(written_), name_));
    }
    pollfd wanted{descriptor_, POLLOUT, 0};
    const int ready = ::poll(&wanted, 1, poll_milliseconds);
    // Errors and hang-ups show in the write that follows.
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return broken(errno);
  }
}

result<std::size_t> descriptor_sink::write_some(std::span<const std::byte> bytes) {
  ssize_t count = 0;
  switch (kind_) {
    case kind_of_file::pipe:
      // A pipe that polls writable has room for this much; more could block for as long as the reader likes.
      count = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
      break;
    case kind_of_file::socket:
      count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      break;
    case kind_of_file::other:
      count = ::write(descriptor_, bytes.data(), bytes.size());
      break;
  }
  if (count < 0) {
    if (errno == EINTR) return std::size_t{0};
    if (errno != EAGAIN && errno != EWOULDBLOCK) return broken(errno);
    // A terminal that its owner made non-blocking: the wait is ours.
    pollfd wanted{descriptor_, POLLOUT, 0};
    ::poll(&wanted, 1, poll_milliseconds);
    if (stop_.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while writing the archive to " + name_);
    return std::size_t{0};
  }
  written_ += static_cast<std::uint64_t>(count);
  return static_cast<std::size_t>(count);
}

failure descriptor_sink::broken(int errno_value) const {
  if (errno_value == EBADF) {
    return {errc::storage_error, fmt::format("cannot write the archive to {}: it is closed, or not open for writing", name_)};
  }
  if (errno_value != EPIPE && errno_value != ECONNRESET) return system_failure(errno_value, "cannot write the archive to", name_);
  std::uint64_t taken = written_;
  // What still lies in a pipe was accepted by the kernel, yet nobody will read it.
  int unread = 0;
  if (kind_ == kind_of_file::pipe && ::ioctl(descriptor_, FIONREAD, &unread) == 0)
    taken -= std::min(taken, static_cast<std::uint64_t>(unread));
  return {errc::storage_error, fmt::format("cannot write the archive to {}: its reader went away after taking {} bytes", name_, taken)};
}

}  // namespace gantry::archive
