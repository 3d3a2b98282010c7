#pragma once

#include "support/socket.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace gantry::test {

/// What a bad line does to the connections over it. A TCP relay cannot lose a packet: what comes of losses is a stream that ends, stands
/// still or crawls. Each connection meets one of these at most; the chances are per thousand connections.
struct bad_line {
  std::uint32_t seed = 1;
  unsigned cut = 0;                    ///< ends on both sides
  unsigned reset = 0;                  ///< ends on both sides, with RST to the client
  unsigned stall = 0;                  ///< brings nothing more, and stays open
  unsigned crawl = 0;                  ///< brings 4 KiB at a time with pauses of 2 ms
  std::uint64_t within = 0;            ///< all of these but a crawl begin at random after less than so many bytes that came back
  std::chrono::milliseconds delay{0};  ///< each read that comes back waits at random for less than that
};

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
  /// What each connection from now on has to reckon with.
  void worsen(const bad_line& line);
  /// Connections that met something of \ref worsen, delays left aside.
  unsigned troubled() const;
  /// Ends all connections of this moment; new ones are carried as before.
  void cut();

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace gantry::test
