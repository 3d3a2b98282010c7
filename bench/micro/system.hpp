#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace gantry::bench {

/// Ends the program with the system's reason unless \p done.
inline void must(bool done, const char* what) {
  if (done) return;
  std::perror(what);
  std::exit(1);
}

/// Both ends of a TCP connection over loopback; the caller closes them.
inline std::pair<int, int> connected_sockets() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof where;
  must(::bind(listener, reinterpret_cast<sockaddr*>(&where), length) == 0, "bind");
  must(::listen(listener, 1) == 0, "listen");
  must(::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &length) == 0, "getsockname");
  const int near = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  must(::connect(near, reinterpret_cast<sockaddr*>(&where), length) == 0, "connect");
  const int far = ::accept(listener, nullptr, nullptr);
  must(far >= 0, "accept");
  ::close(listener);
  return {near, far};
}

/// A file on disk, without a name; the caller closes it.
inline int fresh_file() {
  std::array<char, 32> path{"/var/tmp/gantry-micro.XXXXXX"};
  const int file = ::mkstemp(path.data());
  must(file >= 0, "mkstemp");
  ::unlink(path.data());
  return file;
}

}  // namespace gantry::bench
