#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry::relay {

/// One listening port of loopback and where its connections lead to.
struct route {
  std::uint16_t listen = 0;  ///< 0 lets the system choose
  std::uint16_t to = 0;
};

/// The network that is played. Every number of bytes or connections: 0 means without.
struct options {
  std::vector<route> routes;
  std::chrono::nanoseconds delay{0};  ///< one way, so a round trip takes twice as long; the handshake costs one round trip, too
  std::uint64_t rate = 0;             ///< bytes per second, each direction of each connection
  std::uint64_t total_rate = 0;       ///< bytes per second, each direction, all connections together
  std::uint64_t window = 16U << 20;   ///< bytes under way in one direction of one connection; more waits at the sender
  std::uint64_t stall_one_in = 0;     ///< each Nth connection goes silent after fault_after bytes towards the client
  std::uint64_t reset_one_in = 0;     ///< each Nth is reset then
  std::uint64_t crawl_one_in = 0;     ///< each Nth goes on at crawl_rate then
  std::uint64_t fault_after = 1U << 20;
  std::uint64_t crawl_rate = 10U << 10;
  std::chrono::nanoseconds pause_every{0};  ///< each connection stands still towards the client so often on average, as after lost packets
};

inline constexpr const char* usage =
    "usage: gantry-relay --listen PORT --to PORT [--listen PORT --to PORT ...] [--delay MS] [--rate BYTES/S] [--total-rate BYTES/S]\n"
    "  [--window BYTES] [--stall-one-in N] [--reset-one-in N] [--crawl-one-in N] [--fault-after BYTES] [--crawl-rate BYTES/S]\n"
    "  [--pause-every MS]\n"
    "Relays TCP connections on 127.0.0.1 and shapes them. Prints one line of JSON counters on SIGUSR1 and at its end (SIGTERM, SIGINT).\n";

/// \returns nothing when the arguments make no sense; \p problem says why.
std::optional<options> parse_options(int count, char** arguments, std::string& problem);

}  // namespace gantry::relay
