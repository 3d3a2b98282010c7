#include "net/connector.hpp"

#include "net/host_words.hpp"
#include "net/tcp_stream.hpp"
#include "net/tunnel.hpp"
#include "runtime/deadline.hpp"
#include "runtime/signal.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/this_coro.hpp>

#include <optional>
#include <utility>

namespace gantry::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

// RFC 8305 section 5, "Connection Attempt Delay".
constexpr std::chrono::milliseconds attempt_delay{250};

/// What the attempts of one race share; lives in the frame that joins them.
struct race {
  explicit race(runtime::stop_source& outer) : losers(outer) {}
  std::optional<tcp::socket> winner;
  asio::ip::address winner_address;
  std::vector<asio::ip::address> failed;
  error_code last_error;
  bool timed_out = false;
  unsigned finished = 0;
  runtime::stop_source losers;
  runtime::signal changed;
};

/// What this machine is short of, and no network: to ask again at once does not help.
bool is_shortage(error_code code) noexcept {
  return code == asio::error::no_descriptors || code == asio::error::no_memory || code == asio::error::no_buffer_space ||
         code == boost::system::errc::too_many_files_open_in_system;
}

task<> attempt(race& contest, asio::ip::address address, std::uint16_t port, connect_limits limits) {
  const runtime::executor where = co_await asio::this_coro::executor;
  if (contest.losers.stop_requested()) {  // between the spawning and the start
    ++contest.finished;
    contest.changed.notify_all();
    co_return;
  }
  tcp::socket socket(where);
  const auto close = [&socket] {
    error_code ignored;  // nothing is lost with a socket that cannot be closed
    socket.close(ignored);
  };
  const tcp::endpoint target(address, port);
  error_code opened;
  socket.open(target.protocol(), opened);
  // Before connecting: the window that is offered grows from there. A system that refuses leaves its own size.
  error_code unsized;
  if (!opened && limits.receive_buffer != 0) socket.set_option(tcp::socket::receive_buffer_size(limits.receive_buffer), unsized);
  error_code outcome = opened;
  bool late = false;
  if (!opened) {
    const runtime::deadline timer(where, limits.connect, close);
    const runtime::stop_source::registration registered(contest.losers, close);
    const auto [connected] = co_await socket.async_connect(target, runtime::use_task);
    outcome = connected;
    late = timer.expired();
  }
  ++contest.finished;
  if (!outcome && !contest.winner && !contest.losers.stop_requested()) {
    socket.set_option(tcp::no_delay(true), opened);
    contest.winner = std::move(socket);
    contest.winner_address = address;
  } else if (outcome) {
    if (!contest.losers.stop_requested() && !is_shortage(outcome)) contest.failed.push_back(address);
    // Somebody who refuses says more than a way that does not exist, and both less than what keeps us from trying.
    if (is_shortage(contest.last_error)) co_return contest.changed.notify_all();
    if (is_shortage(outcome)) contest.last_error.clear();
    if (contest.last_error == asio::error::connection_refused) co_return contest.changed.notify_all();
    contest.last_error = outcome;
    contest.timed_out = late;
  }
  contest.changed.notify_all();
}

/// \param place as shown to people \param is_proxy of what is asked whether it runs
failure connect_failure(const std::string& place, bool is_proxy, error_code code, bool timed_out) {
  if (timed_out || code == asio::error::timed_out) {
    return {errc::timed_out, fmt::format("{} did not answer the connection request in time", place)};
  }
  if (code == asio::error::connection_refused) {
    return {errc::connection_refused,
            fmt::format("{} refused the connection; is the {} running, and the port right?", place, is_proxy ? "proxy" : "registry")};
  }
  if (is_shortage(code)) return system_failure(code.value(), "cannot open a connection to", place);
  return {errc::connection_lost, fmt::format("no connection to {}: {}", place, code.message())};
}

/// Failures behind which another address of the same host may do better.
bool is_of_one_address(error_code code) noexcept {
  return code == errc::tls_failed || code == errc::timed_out || code == errc::connection_lost;
}

failure of_proxy(const config::proxy& via, const failure& said) {
  if (said.code == errc::cancelled) return said;
  return {said.code, fmt::format("the proxy {} cannot be used: {}", via.string(), said.text.message())};
}

}  // namespace

std::string to_string(const endpoint& value) {
  return value.host.find(':') != std::string::npos ? fmt::format("[{}]:{}", value.host, value.port)
                                                   : fmt::format("{}:{}", value.host, value.port);
}

struct connector::opened {
  std::unique_ptr<byte_stream> stream;
  asio::ip::address address;
};

task<result<std::unique_ptr<byte_stream>>> connector::connect(endpoint where, runtime::stop_source& stop) {
  const std::string first = where.via ? where.via->host : where.host;
  const auto resolved = co_await resolver_.resolve(first, stop);
  if (!resolved) {
    if (!where.via) co_return resolved.error();
    co_return of_proxy(*where.via, resolved.error());
  }
  std::vector<asio::ip::address> addresses = *resolved;
  auto stream = co_await connect_to(std::move(addresses), where, stop);
  const bool nowhere = !stream && (stream.error().code == errc::connection_refused || is_of_one_address(stream.error().code));
  if (nowhere) resolver_.forget(first);
  co_return stream;
}

task<result<std::unique_ptr<byte_stream>>> connector::connect_to(std::vector<asio::ip::address> addresses, endpoint where,
                                                                 runtime::stop_source& stop) {
  for (;;) {
    auto reached = co_await open(addresses, where, stop);
    if (!reached) co_return reached.error();
    const asio::ip::address used = reached->address;
    auto ready = co_await secure(std::move(reached->stream), where, stop);
    if (ready || addresses.size() < 2 || !is_of_one_address(ready.error().code)) co_return ready;
    resolver_.demote(where.via ? where.via->host : where.host, used);
    std::erase(addresses, used);
  }
}

task<result<connector::opened>> connector::open(std::vector<asio::ip::address> addresses, endpoint where, runtime::stop_source& stop) {
  const std::string& host = where.via ? where.via->host : where.host;
  const std::uint16_t port = where.via ? where.via->port : where.port;
  race contest(stop);
  runtime::task_group attempts(co_await asio::this_coro::executor);
  unsigned started = 0;
  while (!contest.winner && !stop.stop_requested() && contest.finished < addresses.size()) {
    // The next address gets its turn when the ones before it have failed, or have been silent for a while.
    const unsigned before = contest.finished;
    if (started < addresses.size()) attempts.spawn(attempt(contest, addresses[started++], port, limits_));
    if (contest.winner || contest.finished != before) continue;
    if (started < addresses.size()) {
      co_await contest.changed.wait(stop, attempt_delay);
    } else {
      co_await contest.changed.wait(stop);
    }
  }
  contest.losers.request_stop();
  co_await attempts.join();

  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (!contest.winner) {
    const std::string place = where.via ? fmt::format("the proxy {}", where.via->string()) : host_in_words(where.host, to_string(where));
    co_return connect_failure(place, where.via.has_value(), contest.last_error, contest.timed_out);
  }
  for (const asio::ip::address& address : contest.failed) resolver_.demote(host, address);
  opened reached;
  reached.address = contest.winner_address;
  reached.stream = make_tcp_stream(std::move(*contest.winner));
  co_return reached;
}

task<result<std::unique_ptr<byte_stream>>> connector::secure(std::unique_ptr<byte_stream> plain, endpoint where,
                                                             runtime::stop_source& stop) {
  if (where.via && where.via->kind == config::proxy_kind::https) {
    tls_peer proxy;
    proxy.host = where.via->host;
    proxy.port = where.via->port;
    proxy.is_proxy = true;
    auto protected_stream = co_await tls_.handshake(std::move(plain), std::move(proxy), where.proxy_tls, limits_.tls, stop);
    if (!protected_stream) co_return of_proxy(*where.via, protected_stream.error());
    plain = std::move(*protected_stream);
  }
  if (where.via && !where.is_relayed()) {
    const result<void> through = co_await open_tunnel(*plain, *where.via, where.host, where.port, limits_.connect, stop);
    if (!through) co_return through.error();
  }
  if (!where.secure) co_return plain;
  tls_peer registry;
  registry.host = where.host;
  registry.port = where.port;
  co_return co_await tls_.handshake(std::move(plain), std::move(registry), where.tls, limits_.tls, stop);
}

}  // namespace gantry::net
