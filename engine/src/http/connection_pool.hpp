#pragma once

#include "base/failure.hpp"
#include "net/connector.hpp"
#include "runtime/stop.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace gantry::http {

using runtime::task;

/// A stream to one endpoint with the few bytes that were read past a head. Exchanges borrow it one after the other.
struct connection {
  connection(net::endpoint place, std::unique_ptr<net::byte_stream> transport) : where(std::move(place)), stream(std::move(transport)) {}

  net::endpoint where;
  std::unique_ptr<net::byte_stream> stream;
  bool reused = false;  ///< has carried an exchange before, so that the peer may have given it up meanwhile

  /// Bytes read and not yet consumed.
  std::span<std::byte> unread() noexcept { return std::span(carry).subspan(carry_begin, carry_end - carry_begin); }
  void consume(std::size_t bytes) noexcept { carry_begin += bytes; }

  // Large enough for any usual head in one read, small enough that little of a body is copied through it.
  std::array<std::byte, 8 * 1024> carry;
  std::size_t carry_begin = 0;
  std::size_t carry_end = 0;
};

/// Keeps idle connections for the next request to an equal endpoint. How many are open at once is for the caller to limit.
class connection_pool {
 public:
  /// DESIGN section 7, "idle connection".
  static constexpr std::chrono::seconds idle_limit{30};

  explicit connection_pool(net::connector& connector) : connector_(connector) {}

  /// \param fresh never an idle one: after one of those has failed
  task<result<std::unique_ptr<connection>>> acquire(net::endpoint where, bool fresh, runtime::stop_source& stop);

  /// Takes back a connection whose last exchange ended cleanly.
  void give_back(std::unique_ptr<connection> value);

  /// Closes what is idle.
  void clear() { idle_.clear(); }

 private:
  struct idle_connection {
    std::unique_ptr<connection> value;
    std::chrono::steady_clock::time_point since;
  };
  void drop_expired();

  net::connector& connector_;
  std::map<net::endpoint, std::vector<idle_connection>> idle_;
};

}  // namespace gantry::http
