#pragma once

#include "support/socket.hpp"

#include <cstdint>
#include <memory>

namespace gantry::test {

/// A TCP relay on 127.0.0.1 in front of another port of it, which counts what comes back from there and can slow it down. Thread-safe.
class relay {
 public:
  explicit relay(std::uint16_t upstream);
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  /// Cuts all connections.
  ~relay();

  std::uint16_t port() const noexcept;
  /// Bytes per second of all connections together; 0 = as fast as they go.
  void limit(std::uint64_t bytes_per_second);
  /// Bytes that went to clients since the start or \ref forget, header blocks included.
  std::uint64_t bytes_down() const;
  /// Bytes that came from clients since the start or \ref forget.
  std::uint64_t bytes_up() const;
  /// From now on each connection ends after \p bytes that came from the client; 0 = none does.
  void cut_each_after(std::uint64_t bytes);
  unsigned connections() const;
  /// Connections that are open now.
  unsigned open_connections() const;
  void forget();
  /// Ends all connections of this moment; new ones are carried as before.
  void cut();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace gantry::test
