#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "http/chunked.hpp"
#include "http/connection_pool.hpp"
#include "http/governor.hpp"
#include "http/message.hpp"
#include "net/connector.hpp"
#include "runtime/signal.hpp"
#include "runtime/stop.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>

namespace gantry::http {

/// Waiting for the network, never for the consumer (DESIGN section 7).
struct exchange_limits {
  std::chrono::milliseconds header{180'000};
  std::chrono::milliseconds idle{30'000};
  /// What a host may ask us to wait; beyond it the request fails at once.
  std::chrono::milliseconds patience{15 * 60'000};
};

/// One answer whose head is there and whose body is read by the caller. Size and framing are verified inside \ref read, before the end is
/// reported. Destroyed before the end of the body it closes the connection, else the connection goes back to the pool. Used on the strand
/// alone; the client and the stop source must outlive it.
class exchange {
 public:
  exchange(exchange&&) noexcept;
  exchange& operator=(exchange&&) noexcept;
  ~exchange();

  const response_head& head() const noexcept { return head_; }
  /// Where the request went, for messages; no query.
  const std::string& where() const noexcept { return where_; }

  /// Bytes of a body with a length that have not been read yet; 0 for other framings.
  std::uint64_t left() const noexcept { return remaining_; }

  /// Reads some of the body into \p into. \returns 0 at its end. errc::connection_lost when it breaks off, errc::timed_out after silence,
  /// errc::protocol_error, errc::cancelled.
  task<result<std::size_t>> read(std::span<std::byte> into);

  /// The whole body; errc::limit_exceeded when it is longer than \p cap bytes.
  task<result<std::string>> read_all(std::size_t cap);

 private:
  friend class client;
  exchange(connection_pool& pool, std::unique_ptr<connection> line, response_head head, exchange_limits limits, runtime::stop_source& stop,
           std::string where);
  task<result<std::size_t>> receive(std::span<std::byte> into);
  void finish();

  connection_pool* pool_;
  std::unique_ptr<connection> line_;  ///< empty once given back
  response_head head_;
  exchange_limits limits_;
  runtime::stop_source* stop_;
  std::string where_;
  std::uint64_t remaining_ = 0;  ///< with body_framing::length
  chunked_decoder chunks_;
  bool complete_ = false;
};

/// Sends requests over pooled connections. A request that a kept connection swallowed without a byte of answer is sent once more over a
/// fresh one.
class client {
 public:
  /// How an origin is reached: TLS settings, proxy. Host, port and security are filled in by the client.
  using route_finder = std::function<result<net::endpoint>(const origin&)>;

  /// \param tls_for the certificate rules of an origin, which is reached directly
  client(net::connector& connector, exchange_limits limits, std::function<net::tls_settings(const origin&)> tls_for)
      : client(connector, limits, direct(std::move(tls_for))) {}
  client(net::connector& connector, exchange_limits limits, route_finder route_for)
      : pool_(connector), limits_(limits), route_for_(std::move(route_for)) {}

  /// Sends and waits for the head of the answer, whatever its status. \p stop must outlive the exchange.
  task<result<exchange>> send(request message, runtime::stop_source& stop);

  /// The same for a request whose body \p body supplies; its size is announced. Never sent twice: whoever can rewind the body decides.
  task<result<exchange>> send(request message, body_source& body, runtime::stop_source& stop);

  /// Opens one more connection to \p where and leaves it in the pool; a failure is left for the request that will need it.
  task<> warm_up(origin where, runtime::stop_source& stop);

  connection_pool& pool() noexcept { return pool_; }
  /// How requests to \p where go: errors as of the \ref route_finder.
  result<net::endpoint> route_to(const origin& where) const { return endpoint_of(where); }

  /// Told when requests to a host begin to wait because it asked for it, with a sentence for people. May be empty.
  std::function<void(const std::string&)> on_wait;
  /// How the host, `host:port`, wants to be treated.
  governor& governor_of(const std::string& authority) { return hosts_[authority].rules; }
  /// The hosts that want to be left alone, and for how long.
  std::map<std::string, std::chrono::milliseconds> resting() const;

 private:
  struct governed {
    governor rules;
    runtime::signal changed;  ///< a request has ended
    std::chrono::steady_clock::time_point told;
  };
  class under_way;
  /// Waits until the host of \p where may be asked. errc::rate_limited when that takes longer than the limits allow.
  task<result<void>> await_turn(const origin& where, runtime::stop_source& stop);
  static route_finder direct(std::function<net::tls_settings(const origin&)> tls_for);
  result<net::endpoint> endpoint_of(const origin& where) const;

  connection_pool pool_;
  exchange_limits limits_;
  route_finder route_for_;
  std::map<std::string, governed> hosts_;
};

}  // namespace gantry::http
