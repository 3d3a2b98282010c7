#include "archive/byte_input.hpp"

#include <algorithm>
#include <cerrno>

#include <poll.h>
#include <unistd.h>

namespace gantry::archive {

result<std::uint64_t> byte_input::skip(std::uint64_t count) {
  if (!buffer_) buffer_ = std::make_unique<copy_buffer>(copy_buffer_size);
  std::uint64_t passed = 0;
  while (passed < count) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(count - passed, copy_buffer_size));
    const result<std::size_t> got = read(buffer_->bytes().first(part));
    if (!got) return got.error();
    passed += *got;
    if (*got < part) break;
  }
  return passed;
}

result<std::size_t> file_input::read(std::span<std::byte> into) {
  result<std::size_t> got = file_.read_at(position_, into);
  if (got) position_ += *got;
  return got;
}

result<std::uint64_t> file_input::skip(std::uint64_t count) {
  const std::uint64_t passed = std::min(count, size_ - std::min(size_, position_));
  position_ += passed;
  return passed;
}

result<std::size_t> descriptor_input::read(std::span<std::byte> into) {
  constexpr int poll_ms = 200;
  std::size_t done = 0;
  while (done < into.size()) {
    if (stop_.load(std::memory_order_relaxed)) return failure(errc::cancelled, "stopped while reading " + name_);
    pollfd ready{descriptor_, POLLIN, 0};
    const int events = ::poll(&ready, 1, poll_ms);
    if (events < 0 && errno != EINTR) return system_failure(errno, "cannot wait for", name_);
    if (events <= 0) continue;
    const ssize_t got = ::read(descriptor_, into.data() + done, into.size() - done);
    if (got == 0) break;
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR && errno != EAGAIN) {
      return system_failure(errno, "cannot read", name_);
    }
  }
  return done;
}

}  // namespace gantry::archive
