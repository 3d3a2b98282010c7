#pragma once

#include "support/socket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantry::test {

/// What happens on one connection; its end closes it.
using conversation = std::function<void(socket_handle&)>;

/// A server on 127.0.0.1 that does what a test tells it, connection by connection, on threads of its own. Conversations must not use
/// assertions, which belong to the test's thread.
class scripted_server {
 public:
  /// \param script what the first, second, ... connection meets; the last one is repeated
  explicit scripted_server(std::vector<conversation> script);
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;
  /// Cuts all connections.
  ~scripted_server();

  std::uint16_t port() const noexcept;
  /// Connections so far.
  unsigned connections() const;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

/// Answers requests without a body, one text each, then leaves the connection open until the client ends it.
conversation answers(std::vector<std::string> texts);
/// Reads one head; empty when the connection ended first.
std::string receive_head(socket_handle& connection);
/// Waits until the client closes.
void await_end(socket_handle& connection);

/// A port on which connection requests are never answered: its queue is full.
class silent_port {
 public:
  /// \param host on 127.0.0.\p host \param port 0: a free one
  explicit silent_port(std::uint8_t host = 1, std::uint16_t port = 0);
  std::uint16_t port() const { return port_of(listener_); }

 private:
  socket_handle listener_;
  std::vector<socket_handle> queued_;
};

}  // namespace gantry::test
