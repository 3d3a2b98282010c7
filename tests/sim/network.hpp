#pragma once

#include <gantry/error.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <vector>

namespace gantry::test::sim {

using time_point = std::chrono::steady_clock::time_point;
using duration = std::chrono::nanoseconds;

/// What becomes of one connection.
struct connection_fate {
  std::optional<std::uint64_t> stalls_after;  ///< bytes of bodies after which nothing comes any more; 0: not even a header
  std::optional<std::uint64_t> resets_after;  ///< bytes of bodies after which it breaks
  double rate = 0;                            ///< bytes per second, 0: the network's
};

/// A path and the origin at its end.
struct network {
  duration round_trip = std::chrono::milliseconds(10);
  unsigned handshake = 1;     ///< round trips before a new connection can carry a request: 1 TCP, 2 with TLS 1.3
  double per_connection = 0;  ///< bytes per second of one connection; 0: no cap
  double total = 0;           ///< bytes per second of all connections; 0: no cap
  bool slow_start = true;     ///< a new connection begins with ten segments per round trip and doubles
  double loss = 0;            ///< share of packets that are lost; each loss takes 30 % of a connection's window (cubic)

  bool ranges = true;                   ///< the origin answers 206
  bool redirects = false;               ///< the registry sends every blob to another host
  unsigned most_connections = 0;        ///< more requests than that at once are answered 429; 0: no limit
  duration service{0};                  ///< between a request and the header of its answer, on top of the round trip
  std::uint64_t served_at_once = 0;     ///< blobs up to this size need no \ref service
  std::uint64_t buffers = 0;            ///< bytes in the sockets of a connection beyond what the round trip holds
  std::uint64_t longest_answer = 0;     ///< a 206 is cut to so many bytes; 0: never
  std::optional<duration> retry_after;  ///< sent with a 429
  /// What the n-th answer, from 0, is in place of bytes; nothing: it brings them.
  std::function<std::optional<errc>(unsigned)> error_answer;
  /// The fate of the n-th connection, from 0.
  std::function<connection_fate(unsigned, std::minstd_rand&)> fate;
  /// After how many bytes the n-th answer, from 0 and so long, falls silent together with its connection; nothing: not at all.
  std::function<std::optional<std::uint64_t>(unsigned, std::uint64_t, std::minstd_rand&)> silence;

  duration setup() const { return round_trip * (handshake + 1); }
};

/// One connection of the model. Rates follow from slow start, the connection's own cap and its share of the whole.
struct connection {
  connection_fate fate;
  double window = 10 * 1460;       ///< bytes per round trip
  bool lost_some = false;          ///< slow start is over
  std::uint64_t carried = 0;       ///< bytes of bodies
  std::deque<unsigned> followers;  ///< workers whose requests wait behind the one that is being answered
  bool spoilt = false;             ///< an answer will come that nobody wants: of no use after this one

  bool stalled() const { return fate.stalls_after && carried >= *fate.stalls_after; }
  bool broken() const { return fate.resets_after && carried >= *fate.resets_after; }
  /// What it could carry alone, bytes per second.
  double own_rate(const network& path) const;
  /// Bytes that may still come before its fate strikes.
  std::uint64_t until_fate() const;
  void carry(std::uint64_t bytes, const network& path, std::minstd_rand& random);
};

/// What \p one gets of the path while all of \p receiving, itself included, draw from it.
double share(const network& path, const connection& one, const std::vector<const connection*>& receiving);

}  // namespace gantry::test::sim
