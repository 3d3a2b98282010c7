#include "support/socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace gantry::test {
namespace {

[[noreturn]] void fail(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

socket_handle tcp_socket() {
  socket_handle result(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!result) fail("socket");
  const int on = 1;
  ::setsockopt(result.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return result;
}

}  // namespace

socket_handle& socket_handle::operator=(socket_handle&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = other.release();
  }
  return *this;
}

socket_handle::~socket_handle() { close(); }

int socket_handle::release() noexcept { return std::exchange(fd_, -1); }

void socket_handle::close() noexcept {
  if (fd_ >= 0) ::close(release());
}

bool socket_handle::send(std::string_view bytes) noexcept {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

std::string socket_handle::receive(std::size_t limit, std::chrono::milliseconds wait) {
  std::string result(limit, '\0');
  pollfd readable{fd_, POLLIN, 0};
  ssize_t n = -1;
  if (::poll(&readable, 1, static_cast<int>(wait.count())) > 0) n = ::recv(fd_, result.data(), result.size(), 0);
  result.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return result;
}

void socket_handle::reset_on_close() noexcept {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

socket_handle listen_on_loopback() {
  socket_handle result = tcp_socket();
  const sockaddr_in address = loopback(0);
  if (::bind(result.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("bind");
  if (::listen(result.fd(), 256) != 0) fail("listen");
  return result;
}

std::uint16_t port_of(const socket_handle& listener) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  if (::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &length) != 0) fail("getsockname");
  return ntohs(address.sin_port);
}

socket_handle connect_to_loopback(std::uint16_t port) {
  socket_handle result = tcp_socket();
  const sockaddr_in address = loopback(port);
  if (::connect(result.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) fail("connect");
  return result;
}

std::uint16_t unused_port() { return port_of(listen_on_loopback()); }

}  // namespace gantry::test
