#include "http/client.hpp"

#include "base/redact.hpp"
#include "http/head_parser.hpp"
#include "http/retry_after.hpp"
#include "net/tls_error.hpp"
#include "net/tunnel.hpp"
#include "runtime/deadline.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

namespace gantry::http {
namespace {

failure lost(const std::string& where, std::string_view what) {
  return {errc::connection_lost, fmt::format("{}: the connection was lost {}", where, what)};
}

/// One read or write with its time limit; why it ended is told by the failure.
struct timed {
  runtime::deadline late;
  runtime::stop_source::registration stopped;

  timed(const runtime::executor& executor, net::byte_stream& stream, std::chrono::milliseconds limit, runtime::stop_source& stop)
      : late(executor, limit, [&stream] { stream.close(); }), stopped(stop, [&stream] { stream.close(); }) {}
};

failure why(const timed& guard, const runtime::stop_source& stop, error_code code, const connection& line, const std::string& where,
            std::string_view doing) {
  if (stop.stop_requested()) return {errc::cancelled, "stopped"};
  if (guard.late.expired()) return {errc::timed_out, fmt::format("{}: no answer in time {}", where, doing)};
  if (auto alert = net::client_certificate_failure(to_string(line.where), code)) return *alert;
  return lost(where, doing);
}

enum class head_outcome {
  ready,      ///< the head is complete
  swallowed,  ///< the connection ended before the first byte
  failed,     ///< see the failure
};

struct head_result {
  head_outcome outcome = head_outcome::failed;
  failure error;
};

/// Reads the head of the answer. \param doing what is said of a connection that ends here
task<head_result> read_head(connection& line, head_parser& parser, exchange_limits limits, runtime::stop_source& stop, std::string where,
                            std::string_view doing) {
  head_result outcome;
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, *line.stream, limits.header, stop);
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
      outcome.error = failure(taken.error().code, fmt::format("{}: {}", where, taken.error().text.message()));
      co_return outcome;
    }
    line.carry_begin = *taken;
    line.carry_end = got.bytes;
  }
  outcome.outcome = head_outcome::ready;
  co_return outcome;
}

task<head_result> transfer_head(connection& line, std::string bytes, head_parser& parser, exchange_limits limits,
                                runtime::stop_source& stop, std::string where) {
  error_code written;
  {
    const runtime::executor executor = co_await boost::asio::this_coro::executor;
    const timed guard(executor, *line.stream, limits.header, stop);
    written = co_await line.stream->write_all(std::as_bytes(std::span(bytes.data(), bytes.size())));
  }
  // A server may answer and close before it has read everything: the answer is what matters, so a failed write is not the end yet.
  const std::string_view doing = written ? "while sending the request" : "while waiting for the answer";
  co_return co_await read_head(line, parser, limits, stop, std::move(where), doing);
}

/// Writes what \p body supplies, in pieces that a slow line takes within the idle limit. \returns what \p body failed with, or an empty
/// result with \p cut set when the connection takes no more.
task<result<void>> write_body(connection& line, body_source& body, exchange_limits limits, runtime::stop_source& stop, bool& cut) {
  constexpr std::size_t piece = 64 * 1024;
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  for (;;) {
    const result<std::span<const std::byte>> more = co_await body.next();
    if (!more) co_return more.error();
    std::span<const std::byte> rest = *more;
    if (rest.empty()) co_return result<void>();
    while (!rest.empty()) {
      const timed guard(executor, *line.stream, limits.idle, stop);
      const std::span<const std::byte> now = rest.first(std::min(piece, rest.size()));
      if (co_await line.stream->write_all(now)) {
        cut = true;
        co_return result<void>();
      }
      rest = rest.subspan(now.size());
    }
  }
}

}  // namespace

exchange::exchange(connection_pool& pool, std::unique_ptr<connection> line, response_head head, exchange_limits limits,
                   runtime::stop_source& stop, std::string where)
    : pool_(&pool),
      line_(std::move(line)),
      head_(std::move(head)),
      limits_(limits),
      stop_(&stop),
      where_(std::move(where)),
      remaining_(head_.framing == body_framing::length ? head_.content_length : 0) {
  if (head_.framing == body_framing::none || (head_.framing == body_framing::length && remaining_ == 0)) finish();
}

exchange::exchange(exchange&&) noexcept = default;
exchange& exchange::operator=(exchange&&) noexcept = default;
exchange::~exchange() = default;

void exchange::finish() {
  complete_ = true;
  if (!line_) return;
  // Bytes behind the end were not asked for: such a connection is not trusted with another request.
  if (head_.keep_alive && line_->unread().empty()) pool_->give_back(std::move(line_));
  line_.reset();
}

task<result<std::size_t>> exchange::receive(std::span<std::byte> into) {
  const std::span<std::byte> waiting = line_->unread();
  if (!waiting.empty()) {
    const std::size_t count = std::min(waiting.size(), into.size());
    std::memcpy(into.data(), waiting.data(), count);
    line_->consume(count);
    co_return count;
  }
  if (stop_->stop_requested()) co_return failure(errc::cancelled, "stopped");
  const runtime::executor executor = co_await boost::asio::this_coro::executor;
  const timed guard(executor, *line_->stream, limits_.idle, *stop_);
  const net::read_result got = co_await line_->stream->read_some(into);
  if (got.code) co_return why(guard, *stop_, got.code, *line_, where_, "in the middle of the answer");
  co_return got.bytes;
}

task<result<std::size_t>> exchange::read(std::span<std::byte> into) {
  if (complete_ || into.empty()) co_return std::size_t{0};
  if (!line_) co_return lost(where_, "before this read");
  switch (head_.framing) {
    case body_framing::none:
      break;
    case body_framing::length: {
      const std::size_t wanted = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), remaining_));
      const result<std::size_t> got = co_await receive(into.first(wanted));
      if (!got || *got == 0) {
        line_.reset();
        if (!got) co_return got.error();
        co_return failure(errc::connection_lost,
                          fmt::format("{} closed the connection {} bytes before the end of the answer", where_, remaining_));
      }
      remaining_ -= *got;
      if (remaining_ == 0) finish();
      co_return *got;
    }
    case body_framing::chunked:
      for (;;) {
        // Decoded in place: what the coding takes away only makes it shorter.
        const result<std::size_t> got = co_await receive(into);
        if (!got || *got == 0) {
          line_.reset();
          if (!got) co_return got.error();
          co_return failure(errc::connection_lost, fmt::format("{} closed the connection before the end of the answer", where_));
        }
        const auto step = chunks_.decode(into.first(*got), into);
        if (!step) {
          line_.reset();
          co_return failure(step.error().code, fmt::format("{}: {}", where_, step.error().text.message()));
        }
        if (chunks_.done()) {
          // What was received behind the end cannot be put back.
          if (step->consumed != *got) head_.keep_alive = false;
          finish();
        }
        if (step->produced != 0 || complete_) co_return step->produced;
      }
    case body_framing::until_close: {
      const result<std::size_t> got = co_await receive(into);
      if (!got) {
        line_.reset();
        co_return got.error();
      }
      if (*got == 0) {
        head_.keep_alive = false;
        finish();
      }
      co_return *got;
    }
  }
  co_return std::size_t{0};
}

task<result<std::string>> exchange::read_all(std::size_t cap) {
  std::string body;
  std::array<std::byte, 8 * 1024> block;
  for (;;) {
    const result<std::size_t> got = co_await read(block);
    if (!got) co_return got.error();
    if (*got == 0) co_return body;
    if (body.size() + *got > cap) {
      line_.reset();
      co_return failure(errc::limit_exceeded, fmt::format("{} sent more than the {} bytes that are accepted here", where_, cap));
    }
    body.append(reinterpret_cast<const char*>(block.data()), *got);
  }
}

client::route_finder client::direct(std::function<net::tls_settings(const origin&)> tls_for) {
  return [tls_for = std::move(tls_for)](const origin& where) {
    net::endpoint route;
    if (where.is_tls()) route.tls = tls_for(where);
    return result<net::endpoint>(std::move(route));
  };
}

result<net::endpoint> client::endpoint_of(const origin& where) const {
  result<net::endpoint> place = route_for_(where);
  if (!place) return place;
  place->host = where.host;
  place->port = where.port;
  place->secure = where.is_tls();
  return place;
}

task<> client::warm_up(origin where, runtime::stop_source& stop) {
  result<net::endpoint> place = endpoint_of(where);
  if (!place) co_return;
  auto opened = co_await pool_.acquire(std::move(*place), true, stop);
  if (opened) pool_.give_back(std::move(*opened));
}

namespace {

/// A request as it goes to the wire, and where that leads.
struct prepared {
  net::endpoint where;
  std::string bytes;
  std::string named;  ///< for messages; no query
};

result<prepared> prepare(const request& message, result<net::endpoint> route) {
  if (!route) return route.error();
  prepared made;
  made.where = std::move(*route);
  result<std::string> bytes =
      made.where.is_relayed() ? serialize_for_proxy(message, net::proxy_authorization(*made.where.via)) : serialize(message);
  if (!bytes) return bytes.error();
  made.bytes = std::move(*bytes);
  made.named = redact_url(message.target.origin.string() + message.target.target.substr(0, message.target.target.find('?')));
  return made;
}

/// 407 is the word of a proxy that relays, not of the host behind it.
std::optional<failure> proxy_refusal(const net::endpoint& where, unsigned status) {
  if (!where.is_relayed() || status != 407) return std::nullopt;
  return failure(
      errc::unexpected_status,
      where.via->username.empty()
          ? fmt::format("the proxy {} asks for a user name and password; write them into its URL: http://USER:PASSWORD@HOST:PORT",
                        where.via->string())
          : fmt::format("the proxy {} does not accept the user name and password in its URL", where.via->string()));
}

}  // namespace

/// A request that the governor has let go, over on every way out.
class client::under_way {
 public:
  explicit under_way(governed& host) : host_(host) {}
  under_way(const under_way&) = delete;
  under_way& operator=(const under_way&) = delete;
  ~under_way() {
    if (!done_) host_.rules.lost();
    host_.changed.notify_all();
  }
  void answered(const response_head& head) {
    done_ = true;
    host_.rules.answered(std::chrono::steady_clock::now(), head.status, retry_after_of(head, std::chrono::system_clock::now()));
  }

 private:
  governed& host_;
  bool done_ = false;
};

std::map<std::string, std::chrono::milliseconds> client::resting() const {
  std::map<std::string, std::chrono::milliseconds> found;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [authority, host] : hosts_) {
    if (host.rules.rests_until() > now)
      found.emplace(authority, std::chrono::ceil<std::chrono::milliseconds>(host.rules.rests_until() - now));
  }
  return found;
}

task<result<void>> client::await_turn(const origin& where, runtime::stop_source& stop) {
  governed& host = hosts_[where.authority()];
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const governor::advice advice = host.rules.ask(now, limits_.patience);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(advice.pause);
    switch (advice.what) {
      case governor::advice::kind::go:
        co_return result<void>();
      case governor::advice::kind::come_later: {
        failure later(errc::rate_limited, fmt::format("{} limits the rate of requests and asks to come back {}", where.host_header(),
                                                      describe_wait(seconds, std::chrono::system_clock::now())));
        later.retry_after = seconds;
        co_return later;
      }
      case governor::advice::kind::wait:
        if (on_wait && seconds > std::chrono::seconds(1) && host.told != host.rules.rests_until()) {
          host.told = host.rules.rests_until();
          on_wait(fmt::format("{} limits the rate of requests; going on {}", where.host_header(),
                              describe_wait(seconds, std::chrono::system_clock::now())));
        }
        co_await runtime::sleep_for(advice.pause, stop);
        break;
      case governor::advice::kind::wait_turn:
        co_await host.changed.wait(stop);
        break;
    }
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  }
}

task<result<exchange>> client::send(request message, runtime::stop_source& stop) {
  const result<prepared> made = prepare(message, endpoint_of(message.target.origin));
  if (!made) co_return made.error();
  const bool repeatable = message.verb == method::get || message.verb == method::head;

  const result<void> turn = co_await await_turn(message.target.origin, stop);
  if (!turn) co_return turn.error();
  under_way request_counted(hosts_[message.target.origin.authority()]);
  for (bool fresh = false;;) {
    auto acquired = co_await pool_.acquire(made->where, fresh, stop);
    if (!acquired) co_return acquired.error();
    std::unique_ptr<connection> line = std::move(*acquired);
    // A kept connection comes at once, without a look at the stop, and a stop of the past wakes nobody.
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    line->carry_begin = line->carry_end = 0;
    head_parser parser(message.verb);
    const head_result outcome = co_await transfer_head(*line, made->bytes, parser, limits_, stop, made->named);
    if (outcome.outcome == head_outcome::ready) {
      if (auto refused = proxy_refusal(made->where, parser.head().status)) co_return *refused;
      request_counted.answered(parser.head());
      exchange ready(pool_, std::move(line), std::move(parser).head(), limits_, stop, made->named);
      co_return ready;
    }
    // An idle connection that the server had just given up: nothing was processed, and a fresh one will tell.
    const bool again = outcome.outcome == head_outcome::swallowed && line->reused && repeatable && !fresh;
    if (!again) co_return outcome.error;
    fresh = true;
  }
}

task<result<exchange>> client::send(request message, body_source& body, runtime::stop_source& stop) {
  message.body_size = body.size();
  const result<prepared> made = prepare(message, endpoint_of(message.target.origin));
  if (!made) co_return made.error();
  const result<void> turn = co_await await_turn(message.target.origin, stop);
  if (!turn) co_return turn.error();
  under_way request_counted(hosts_[message.target.origin.authority()]);
  auto acquired = co_await pool_.acquire(made->where, false, stop);
  if (!acquired) co_return acquired.error();
  std::unique_ptr<connection> line = std::move(*acquired);
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  line->carry_begin = line->carry_end = 0;

  error_code refused;
  {
    const runtime::executor executor = co_await boost::asio::this_coro::executor;
    const timed guard(executor, *line->stream, limits_.idle, stop);
    refused = co_await line->stream->write_all(std::as_bytes(std::span(made->bytes.data(), made->bytes.size())));
  }
  bool cut = refused.failed();
  if (!cut) {
    const result<void> written = co_await write_body(*line, body, limits_, stop, cut);
    if (!written) co_return written.error();
  }
  // A server that does not want the body answers and closes: its answer says why.
  head_parser parser(message.verb);
  const head_result outcome =
      co_await read_head(*line, parser, limits_, stop, made->named, cut ? "while sending the body" : "while waiting for the answer");
  if (outcome.outcome != head_outcome::ready) co_return outcome.error;
  response_head answered = std::move(parser).head();
  if (auto unwanted = proxy_refusal(made->where, answered.status)) co_return *unwanted;
  request_counted.answered(answered);
  if (cut) answered.keep_alive = false;
  exchange ready(pool_, std::move(line), std::move(answered), limits_, stop, made->named);
  co_return ready;
}

}  // namespace gantry::http
