#include "http/wire.hpp"

#include "net/tls_error.hpp"

#include <fmt/format.h>
#include <boost/asio/error.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace gantry::http {

failure lost(const std::string& where, std::string_view what) {
  return {errc::connection_lost, fmt::format("{}: the connection was lost {}", where, what)};
}

failure why(const timed& guard, const runtime::stop_source& stop, error_code code, const connection& line, const std::string& where,
            std::string_view doing) {
  if (stop.stop_requested()) return {errc::cancelled, "stopped"};
  if (guard.late.expired()) return {errc::timed_out, fmt::format("{}: no answer in time {}", where, doing)};
  if (auto alert = net::client_certificate_failure(to_string(line.where), code)) return *alert;
  return lost(where, doing);
}

task<head_result> read_head(connection& line, head_parser& parser, exchange_limits limits, runtime::stop_source& stop, std::string where,
                            std::string_view doing) {
  head_result outcome;
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, *line.stream, limits.header, stop);
  // What came with the answer before.
  if (const std::span<std::byte> there = line.unread(); !there.empty()) {
    const result<std::size_t> taken = parser.feed(there);
    if (!taken) {
      if (parser.foreign()) outcome.outcome = head_outcome::foreign;
      outcome.error = failure(taken.error().code, fmt::format("{}: {}", where, taken.error().text.message()));
      co_return outcome;
    }
    line.consume(*taken);
  }
  while (!parser.done()) {
    const net::read_result got = co_await line.stream->read_some(line.carry);
    if (got.code || got.bytes == 0) {
      const bool alert = net::client_certificate_failure(line.where.host, got.code).has_value();
      const bool quiet = parser.untouched() && !stop.stop_requested() && !guard.late.expired() && !alert;
      outcome.outcome = quiet ? head_outcome::swallowed : head_outcome::failed;
      outcome.error = why(guard, stop, got.code, line, where, doing);
      co_return outcome;
    }
    const result<std::size_t> taken = parser.feed(std::span(line.carry).first(got.bytes));
    if (!taken) {
      if (parser.foreign()) outcome.outcome = head_outcome::foreign;
      outcome.error = failure(taken.error().code, fmt::format("{}: {}", where, taken.error().text.message()));
      co_return outcome;
    }
    line.carry_begin = *taken;
    line.carry_end = got.bytes;
  }
  outcome.outcome = head_outcome::ready;
  co_return outcome;
}

task<error_code> write_request(net::byte_stream& stream, std::span<const std::byte> bytes, std::chrono::milliseconds limit,
                               runtime::stop_source& stop) {
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, stream, limit, stop);
  co_return co_await stream.write_all(bytes);
}

early_answer::early_answer(connection& line) : line_(line), listens_([this] { return said_ = listen(); }) {
  if (line_.unread().empty()) line_.carry_begin = line_.carry_end = 0;
}

net::hearing early_answer::listen() {
  for (;;) {
    const std::span<std::byte> room = std::span(line_.carry).subspan(line_.carry_end);
    // Too much for a head that says no.
    if (room.empty()) return net::hearing::enough;
    const net::read_result got = line_.stream->read_now(room);
    if (got.code == boost::asio::error::would_block) return net::hearing::go_on;
    if (got.code || got.bytes == 0) return net::hearing::give_up;
    line_.carry_end += got.bytes;
    // On trial: the whole is read again once it is known to be the answer.
    head_parser trial(method::get);
    if (const result<std::size_t> taken = trial.feed(line_.unread()); !taken) return net::hearing::give_up;
    // What a server accepts before it has it all is sent all the same.
    if (trial.done()) return trial.head().status >= 300 ? net::hearing::give_up : net::hearing::enough;
  }
}

task<bool> early_answer::write(std::span<const std::byte> bytes, std::chrono::milliseconds limit, runtime::stop_source& stop) {
  if (said_ == net::hearing::give_up) co_return false;
  if (said_ == net::hearing::enough) {
    const error_code refused = co_await write_request(*line_.stream, bytes, limit, stop);
    co_return !refused.failed();
  }
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, *line_.stream, limit, stop);
  const error_code refused = co_await line_.stream->write_heard(bytes, listens_);
  co_return !refused.failed();
}

task<result<void>> write_body(connection& line, body_source& body, bool chunked, exchange_limits limits, runtime::stop_source& stop,
                              bool& cut) {
  constexpr std::size_t piece = 64 * 1024;
  early_answer answer(line);
  std::string between;  // the end of one chunk and the begin of the next
  for (;;) {
    const result<std::span<const std::byte>> more = co_await body.next();
    if (!more) co_return more.error();
    std::span<const std::byte> rest = *more;
    const bool last = rest.empty();
    if (chunked) {
      between += last ? "0\r\n\r\n" : fmt::format("{:x}\r\n", rest.size());
      const std::span<const std::byte> framing = std::as_bytes(std::span(between.data(), between.size()));
      const bool written = co_await answer.write(framing, limits.idle, stop);
      cut = !written;
      between = "\r\n";
    }
    if (last || cut) co_return result<void>();
    while (!rest.empty()) {
      const std::span<const std::byte> now = rest.first(std::min(piece, rest.size()));
      const bool written = co_await answer.write(now, limits.idle, stop);
      if (!written) {
        cut = true;
        co_return result<void>();
      }
      rest = rest.subspan(now.size());
    }
  }
}

}  // namespace gantry::http
