#include "net/connector.hpp"

#include "net/tcp_stream.hpp"
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
  error_code last_error;
  bool timed_out = false;
  unsigned finished = 0;
  runtime::stop_source losers;
  runtime::signal changed;
};

task<> attempt(race& contest, asio::ip::address address, std::uint16_t port, std::chrono::milliseconds limit) {
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
  error_code outcome = opened;
  bool late = false;
  if (!opened) {
    const runtime::deadline timer(where, limit, close);
    const runtime::stop_source::registration registered(contest.losers, close);
    const auto [connected] = co_await socket.async_connect(target, runtime::use_task);
    outcome = connected;
    late = timer.expired();
  }
  ++contest.finished;
  if (!outcome && !contest.winner && !contest.losers.stop_requested()) {
    socket.set_option(tcp::no_delay(true), opened);
    contest.winner = std::move(socket);
  } else if (outcome) {
    // Somebody who refuses says more than a way that does not exist.
    if (contest.last_error == asio::error::connection_refused) co_return contest.changed.notify_all();
    contest.last_error = outcome;
    contest.timed_out = late;
  }
  contest.changed.notify_all();
}

failure connect_failure(const endpoint& where, error_code code, bool timed_out) {
  if (timed_out || code == asio::error::timed_out) {
    return {errc::timed_out, fmt::format("{} did not answer the connection request in time", to_string(where))};
  }
  if (code == asio::error::connection_refused) {
    return {errc::connection_refused,
            fmt::format("{} refused the connection; is the registry running, and the port right?", to_string(where))};
  }
  return {errc::connection_lost, fmt::format("no connection to {}: {}", to_string(where), code.message())};
}

}  // namespace

std::string to_string(const endpoint& value) {
  return value.host.find(':') != std::string::npos ? fmt::format("[{}]:{}", value.host, value.port)
                                                   : fmt::format("{}:{}", value.host, value.port);
}

task<result<std::unique_ptr<byte_stream>>> connector::connect(endpoint where, runtime::stop_source& stop) {
  const auto resolved = co_await resolver_.resolve(where.host, stop);
  if (!resolved) co_return resolved.error();
  std::vector<asio::ip::address> addresses = *resolved;
  auto stream = co_await connect_to(std::move(addresses), where, stop);
  if (!stream && stream.error().code != errc::cancelled) resolver_.forget(where.host);
  co_return stream;
}

task<result<std::unique_ptr<byte_stream>>> connector::connect_to(std::vector<asio::ip::address> addresses, endpoint where,
                                                                 runtime::stop_source& stop) {
  race contest(stop);
  runtime::task_group attempts(co_await asio::this_coro::executor);
  unsigned started = 0;
  while (!contest.winner && !stop.stop_requested() && contest.finished < addresses.size()) {
    // The next address gets its turn when the ones before it have failed, or have been silent for a while.
    const unsigned before = contest.finished;
    if (started < addresses.size()) attempts.spawn(attempt(contest, addresses[started++], where.port, limits_.connect));
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
  if (!contest.winner) co_return connect_failure(where, contest.last_error, contest.timed_out);
  std::unique_ptr<byte_stream> plain = make_tcp_stream(std::move(*contest.winner));
  if (!where.secure) co_return plain;
  co_return co_await tls_.handshake(std::move(plain), where.host, where.tls, limits_.tls, stop);
}

}  // namespace gantry::net
