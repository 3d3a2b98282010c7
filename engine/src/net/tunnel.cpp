#include "net/tunnel.hpp"

#include "base/base64.hpp"
#include "net/connect_answer.hpp"
#include "net/socks5.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <array>

namespace gantry::net {
namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text.data(), text.size())); }

failure broken_off() { return {errc::connection_lost, "it closed the connection"}; }

/// Errors say what happened; the caller names proxy and target.
task<result<void>> connect_by_http(byte_stream& stream, const config::proxy& via, std::string target) {
  const std::string authorization = proxy_authorization(via);
  const std::string request = connect_request(target, authorization);
  const error_code sent = co_await stream.write_all(bytes_of(request));
  connect_answer answer;
  std::array<std::byte, 4096> block;
  while (!answer.done()) {
    const read_result got = co_await stream.read_some(block);
    if (got.code || got.bytes == 0) co_return broken_off();
    const result<void> taken = answer.feed(std::span(block).first(got.bytes));
    if (!taken) co_return taken.error();
  }
  if (answer.status() / 100 != 2) co_return connect_refusal(answer, via.string(), target, !authorization.empty());
  if (sent) co_return broken_off();
  co_return result<void>();
}

task<result<void>> connect_by_socks(byte_stream& stream, const config::proxy& via, std::string host, std::uint16_t port) {
  socks5_client client(host, port, via.username, via.password);
  std::array<std::byte, 512> block;
  while (!client.done()) {
    const std::string out = client.take_output();
    if (!out.empty()) {
      const error_code sent = co_await stream.write_all(bytes_of(out));
      if (sent) co_return broken_off();
    }
    const read_result got = co_await stream.read_some(std::span(block).first(client.wanted()));
    if (got.code || got.bytes == 0) co_return broken_off();
    const result<void> taken = client.feed(std::span(block).first(got.bytes));
    if (!taken) co_return taken.error();
  }
  co_return result<void>();
}

}  // namespace

std::string proxy_authorization(const config::proxy& via) {
  return via.username.empty() ? std::string() : "Basic " + base64_encode(via.username + ":" + via.password);
}

task<result<void>> open_tunnel(byte_stream& stream, const config::proxy& via, std::string host, std::uint16_t port,
                               std::chrono::milliseconds limit, runtime::stop_source& stop) {
  const std::string shown = host.find(':') != std::string::npos ? fmt::format("[{}]", host) : host;
  const std::string target = fmt::format("{}:{}", shown, port);
  if (host.size() > 255) co_return failure(errc::invalid_reference, "a host name of more than 255 bytes cannot be reached");
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  const runtime::executor where = co_await boost::asio::this_coro::executor;
  const runtime::deadline late(where, limit, [&stream] { stream.close(); });
  const runtime::stop_source::registration registered(stop, [&stream] { stream.close(); });
  result<void> opened;
  if (via.kind == config::proxy_kind::socks5) {
    opened = co_await connect_by_socks(stream, via, std::move(host), port);
  } else {
    opened = co_await connect_by_http(stream, via, target);
  }
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (opened) co_return opened;
  if (late.expired()) co_return failure(errc::timed_out, fmt::format("the proxy {} did not connect to {} in time", via.string(), target));
  const bool complete = opened.error().text.message().find(via.string()) != std::string::npos;
  if (complete) co_return opened;
  co_return failure(opened.error().code,
                    fmt::format("the proxy {} gave no way to {}: {}", via.string(), target, opened.error().text.message()));
}

}  // namespace gantry::net
