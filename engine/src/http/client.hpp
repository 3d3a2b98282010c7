#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "http/connection_pool.hpp"
#include "http/exchange.hpp"
#include "http/governor.hpp"
#include "http/message.hpp"
#include "http/trust.hpp"
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

  /// Opens one more connection to \p where and leaves it in the pool, unless there are \p most already, at work, idle or being opened; a
  /// failure is left for the request that will need it.
  /// \param trusting of the requests to come; may be null
  task<> warm_up(origin where, std::shared_ptr<const trust> trusting, std::size_t most, runtime::stop_source& stop);

  connection_pool& pool() noexcept { return pool_; }
  /// Hosts that are known at most, those in use apart: redirects lead to hosts that strangers choose.
  static constexpr std::size_t most_hosts = 1'000;
  std::size_t known_hosts() const noexcept { return hosts_.size(); }
  /// How requests to \p where go that bring \p trusting, which may be null: errors as of the \ref route_finder.
  result<net::endpoint> route_to(const origin& where, const trust* trusting) const { return endpoint_of(where, trusting); }

  /// Whether what is sent to \p where does not leave this machine: a loopback address, and no proxy elsewhere on the way to it.
  bool stays_here(const origin& where) const;

  /// Told when requests to a host begin to wait because it asked for it, with a sentence for people. May be empty.
  std::function<void(const std::string&)> on_wait;
  /// How the host, `host:port`, wants to be treated. Good until the next request.
  governor& governor_of(const std::string& authority) { return host_of(authority)->rules; }
  /// The hosts that want to be left alone by anybody who has no login there, and for how long.
  std::map<std::string, std::chrono::milliseconds> resting() const;
  /// When all hosts that have asked for patience in this run may be asked again; in the past where none has.
  std::chrono::steady_clock::time_point rests_until() const;

 private:
  struct answered_line;
  /// Sends \p bytes, which are a request, and waits for the head of the answer. \param repeatable sent once more when a kept connection
  /// swallows it without a byte of answer
  task<result<answered_line>> ask(net::endpoint where, placement how, method verb, std::string bytes, std::string named, bool repeatable,
                                  runtime::stop_source& stop);
  /// Writes a request behind others and waits until its answer is the next. Null when the connection came to nothing before.
  task<result<std::unique_ptr<connection>>> await_line(std::shared_ptr<turn> waiting, std::span<const std::byte> bytes,
                                                       runtime::stop_source& stop);
  struct governed {
    governor rules;
    runtime::signal changed;  ///< a request has ended
    std::chrono::steady_clock::time_point told;
  };
  class under_way;
  /// The host of an authority, which stays known as long as it is held.
  std::shared_ptr<governed> host_of(const std::string& authority);
  /// Waits until the host of \p where may be asked; meanwhile the request of \p how is held up. errc::rate_limited when that takes longer
  /// than the limits allow.
  task<result<void>> await_turn(const origin& where, const placement& how, runtime::stop_source& stop);
  static route_finder direct(std::function<net::tls_settings(const origin&)> tls_for);
  result<net::endpoint> endpoint_of(const origin& where, const trust* trusting) const;

  connection_pool pool_;
  exchange_limits limits_;
  route_finder route_for_;
  std::map<std::string, std::shared_ptr<governed>> hosts_;
};

}  // namespace gantry::http
