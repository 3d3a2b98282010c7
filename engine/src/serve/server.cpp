#include "serve/server.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/v6_only.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace gantry::serve {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// Files that the rest of the process has open: store, locks, lanes, connections to an upstream.
constexpr std::size_t other_files = 128;
constexpr std::chrono::milliseconds accept_pause{50};

failure bad_listen(std::string_view text) {
  return {errc::invalid_option, fmt::format("'{}' is no address to listen on; give an address and a port, e.g. 127.0.0.1:5000 or [::]:5000",
                                            clean_text(text, 128))};
}

}  // namespace

result<tcp::endpoint> parse_listen(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad_listen(text);
  std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [stop, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || stop != digits.data() + digits.size() || failed != std::errc()) return bad_listen(text);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host == "localhost") host = "127.0.0.1";
  error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec || address.is_v6() != bracketed) return bad_listen(text);
  return tcp::endpoint(address, port);
}

std::string to_string(const tcp::endpoint& where) {
  const std::string address = where.address().to_string();
  return where.address().is_v6() ? fmt::format("[{}]:{}", address, where.port()) : fmt::format("{}:{}", address, where.port());
}

std::size_t connection_cap(std::size_t wanted) noexcept {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY) return wanted;
  const auto allowed = static_cast<std::size_t>(files.rlim_cur);
  return std::max<std::size_t>(1, std::min(wanted, allowed > 2 * other_files ? allowed - other_files : allowed / 2));
}

server::server(runtime::executor where, runtime::lanes& workers, runtime::buffer_pool& buffers, handler& answers, net::tls_acceptor* tls,
               serve_limits limits, std::function<void(served_request)> report)
    : executor_(where),
      workers_(workers),
      tls_(tls),
      limits_(limits),
      most_(connection_cap(limits.connections)),
      acceptor_(where),
      shared_{answers,
              workers,
              buffers,
              limits_,
              [this, report = std::move(report)](served_request entry) {
                ++totals_.requests;
                totals_.bytes += entry.bytes;
                if (report) report(std::move(entry));
              },
              draining_,
              cutting_},
      connections_(std::move(where)) {}

result<void> server::listen(const tcp::endpoint& where) {
  error_code ec;
  acceptor_.open(where.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  // An IPv6 wildcard takes IPv4 too, whatever the system's default.
  if (!ec && where.address().is_v6()) acceptor_.set_option(asio::ip::v6_only(false), ec);
  if (!ec) acceptor_.bind(where, ec);
  if (!ec) acceptor_.listen(tcp::acceptor::max_listen_connections, ec);
  if (!ec) return {};
  std::string reason = ec.message();
  if (ec == asio::error::address_in_use) reason = "another program listens there; choose another port, or 0 for any that is free";
  if (ec == boost::system::errc::address_not_available)
    reason = "this machine has no such address; choose one of its own, or 0.0.0.0 for all";
  if (ec == asio::error::access_denied) reason = "ports below 1024 need privileges; choose a higher one";
  // The system's own code: it is no mistake in the caller's words, and no fault of the disk.
  return failure(ec, fmt::format("cannot listen on {}: {}", to_string(where), reason));
}

tcp::endpoint server::local() const {
  error_code ignored;  // an acceptor that listens has an address
  return acceptor_.local_endpoint(ignored);
}

bool server::evict() {
  if (idle_.empty()) return false;
  connection& longest = idle_.front();
  idle_.pop_front();
  longest.close();
  return true;
}

task<> server::attend(tcp::socket socket, std::string address) {
  peer client;
  if (tls_ != nullptr) {
    auto shaken = co_await tls_->handshake(std::move(socket), limits_.head, cutting_);
    if (!shaken) {
      left_.notify_all();
      co_return;
    }
    client.stream = std::move(*shaken);
    client.address = std::move(address);
  } else {
    client = make_plain_peer(std::move(socket), workers_, std::move(address));
  }
  {
    connection served(shared_, std::move(client), idle_);
    co_await served.run();
  }
  left_.notify_all();
}

task<> server::accept(runtime::stop_source& stop) {
  const runtime::stop_source::registration registered(stop, [this] {
    error_code ignored;  // nobody is accepted any more in any case
    acceptor_.close(ignored);
  });
  while (!stop.stop_requested()) {
    if (connections_.running() >= most_) {
      evict();
      co_await left_.wait(stop);
      continue;
    }
    tcp::socket socket(executor_);
    tcp::endpoint from;
    const auto [failed] = co_await acceptor_.async_accept(socket, from, runtime::use_task);
    if (stop.stop_requested()) co_return;
    if (failed) {
      // Out of descriptors or memory, or a client that left at once: one connection less helps, and so does time.
      if (failed != asio::error::connection_aborted) {
        evict();
        co_await runtime::sleep_for(accept_pause, stop);
      }
      continue;
    }
    error_code ignored;  // slower, then
    socket.set_option(tcp::no_delay(true), ignored);
    ++totals_.connections;
    connections_.spawn(attend(std::move(socket), to_string(from)));
  }
}

task<serve_result> server::run(runtime::stop_source& stop) {
  co_await accept(stop);
  error_code ignored;
  acceptor_.close(ignored);
  draining_.request_stop();
  const runtime::deadline limit(executor_, limits_.graceful, [this] {
    totals_.cut = connections_.running();
    cutting_.request_stop();
  });
  co_await connections_.join();
  co_return totals_;
}

}  // namespace gantry::serve
