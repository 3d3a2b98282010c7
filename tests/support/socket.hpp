#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::test {

/// A blocking TCP socket on loopback that closes itself. Plain system calls, so that tests can send what no library would.
class socket_handle {
 public:
  socket_handle() = default;
  explicit socket_handle(int fd) noexcept : fd_(fd) {}
  socket_handle(socket_handle&& other) noexcept : fd_(other.release()) {}
  socket_handle& operator=(socket_handle&& other) noexcept;
  ~socket_handle();

  int fd() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept;
  void close() noexcept;

  /// Writes all of \p bytes. \returns false when the peer is gone.
  bool send(std::string_view bytes) noexcept;
  /// Reads at most \p limit bytes; empty at the end of the stream, on an error and when nothing came within \p wait.
  std::string receive(std::size_t limit, std::chrono::milliseconds wait = std::chrono::minutes(2));
  /// Makes \ref close send a reset (RST) in place of an end.
  void reset_on_close() noexcept;

 private:
  int fd_ = -1;
};

/// Listens on a free port of 127.0.0.1. \throws std::system_error.
socket_handle listen_on_loopback();
/// The port that a listening socket got.
std::uint16_t port_of(const socket_handle& listener);
/// \throws std::system_error when nobody listens.
socket_handle connect_to_loopback(std::uint16_t port);

/// A port of loopback on which nobody listens now.
std::uint16_t unused_port();

}  // namespace gantry::test
