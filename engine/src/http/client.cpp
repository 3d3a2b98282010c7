#include "http/client.hpp"

#include "base/forget_oldest.hpp"
#include "base/redact.hpp"
#include "http/request_watch.hpp"
#include "http/retry_after.hpp"
#include "net/tunnel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace gantry::http {
client::route_finder client::direct(std::function<net::tls_settings(const origin&)> tls_for) {
  return [tls_for = std::move(tls_for)](const origin& where) {
    net::endpoint route;
    if (where.is_tls()) route.tls = tls_for(where);
    return result<net::endpoint>(std::move(route));
  };
}

result<net::endpoint> client::endpoint_of(const origin& where, const trust* trusting) const {
  result<net::endpoint> place = route_for_(where);
  if (!place) return place;
  place->host = where.host;
  place->port = where.port;
  place->secure = where.is_tls();
  if (trusting != nullptr) trusting->apply(where, place->tls);
  return place;
}

bool client::stays_here(const origin& where) const {
  if (!where.is_loopback()) return false;
  const result<net::endpoint> route = endpoint_of(where, nullptr);
  if (!route || !route->via) return true;
  origin proxy;
  proxy.host = route->via->host;
  return proxy.is_loopback();
}

task<> client::warm_up(origin where, std::shared_ptr<const trust> trusting, std::size_t most, runtime::stop_source& stop) {
  result<net::endpoint> place = endpoint_of(where, trusting.get());
  if (!place || pool_.open_to(*place) >= most) co_return;
  auto opened = co_await pool_.acquire(std::move(*place), true, stop);
  if (opened) pool_.keep(std::move(*opened));
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
  made.named = message.shown.empty()
                   ? redact_url(message.target.origin.string() + message.target.target.substr(0, message.target.target.find('?')))
                   : fmt::format("{} to {}", message.shown, message.target.origin.host_header());
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

struct client::answered_line {
  std::unique_ptr<connection> line;
  response_head head;
  bool behind = false;  ///< the request waited behind others
};

/// A request that the governor has let go, over on every way out.
class client::under_way {
 public:
  under_way(std::shared_ptr<governed> host, bool named) : host_(std::move(host)), named_(named) {}
  under_way(const under_way&) = delete;
  under_way& operator=(const under_way&) = delete;
  ~under_way() {
    if (!done_) host_->rules.lost();
    host_->changed.notify_all();
  }
  void answered(const response_head& head) {
    done_ = true;
    host_->rules.answered(std::chrono::steady_clock::now(), head.status, retry_after_of(head, std::chrono::system_clock::now()), named_);
  }

 private:
  std::shared_ptr<governed> host_;
  bool named_;
  bool done_ = false;
};

std::shared_ptr<client::governed> client::host_of(const std::string& authority) {
  const auto [known, made] = hosts_.try_emplace(authority);
  if (!made) return known->second;
  std::shared_ptr<governed> host = std::make_shared<governed>();
  known->second = host;
  // Those go first that have never asked for patience, then those whose time is over, or is the nearest.
  const auto rests_until = [](const std::shared_ptr<governed>& one) { return one->rules.rests_until(); };
  const auto in_use = [](const std::shared_ptr<governed>& one) { return one.use_count() > 1; };
  forget_oldest(hosts_, most_hosts, rests_until, in_use);
  return host;
}

std::map<std::string, std::chrono::milliseconds> client::resting() const {
  std::map<std::string, std::chrono::milliseconds> found;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& [authority, host] : hosts_) {
    if (host->rules.rests_until() > now && !host->rules.told_to_user())
      found.emplace(authority, std::chrono::ceil<std::chrono::milliseconds>(host->rules.rests_until() - now));
  }
  return found;
}

std::chrono::steady_clock::time_point client::rests_until() const {
  std::chrono::steady_clock::time_point last;
  for (const auto& [authority, host] : hosts_) {
    if (!host->rules.is_inherited()) last = std::max(last, host->rules.rests_until());
  }
  return last;
}

task<result<void>> client::await_turn(const origin& where, const placement& how, runtime::stop_source& stop) {
  const bool named = how.user != 0;
  const std::shared_ptr<governed> held = host_of(where.authority());
  governed& host = *held;
  // Nobody has been asked for anything meanwhile: such a request is not silent.
  std::optional<holding_up> waiting;
  for (;;) {
    const auto now = std::chrono::steady_clock::now();
    const governor::advice advice = host.rules.ask(now, limits_.patience, named);
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(advice.pause);
    switch (advice.what) {
      case governor::advice::kind::go:
        co_return result<void>();
      case governor::advice::kind::come_later: {
        failure later(errc::rate_limited, fmt::format("{} limits the rate of requests and {} to come back {}", where.host_header(),
                                                      host.rules.is_inherited() ? "asked an earlier run" : "asks",
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
        if (!waiting) waiting.emplace(how.watch);
        co_await runtime::sleep_for(advice.pause, stop);
        break;
      case governor::advice::kind::wait_turn:
        if (!waiting) waiting.emplace(how.watch);
        co_await host.changed.wait(stop);
        break;
    }
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  }
}

task<result<exchange>> client::send(request message, runtime::stop_source& stop) {
  const result<prepared> made = prepare(message, endpoint_of(message.target.origin, message.trusting.get()));
  if (!made) co_return made.error();
  const bool repeatable = message.verb == method::get || message.verb == method::head;

  const result<void> turn = co_await await_turn(message.target.origin, message.how, stop);
  if (!turn) co_return turn.error();
  under_way request_counted(host_of(message.target.origin.authority()), message.how.user != 0);
  if (message.how.watch != nullptr) message.how.watch->asks(message.target.origin);
  placement how = message.how;
  // What a proxy does with requests behind others is its own affair.
  if (made->where.is_relayed()) how.alone = true;
  auto asked = co_await ask(made->where, how, message.verb, made->bytes, made->named, repeatable, stop);
  if (!asked) co_return asked.error();
  if (auto refused = proxy_refusal(made->where, asked->head.status)) co_return *refused;
  request_counted.answered(asked->head);
  if (governor::is_refusal(asked->head.status, retry_after_of(asked->head, std::chrono::system_clock::now()))) {
    pool_.refused(*asked->line);
  }
  exchange ready(pool_, std::move(asked->line), std::move(asked->head), limits_, stop, message, made->named);
  ready.behind_ = asked->behind;
  co_return ready;
}

task<result<std::unique_ptr<connection>>> client::await_line(std::shared_ptr<turn> waiting, std::span<const std::byte> bytes,
                                                             runtime::stop_source& stop) {
  const std::shared_ptr<net::byte_stream> stream = waiting->at->stream;
  const error_code refused = co_await write_request(*stream, bytes, limits_.header, stop);
  if (refused) {
    pool_.abandon(*waiting);
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
    co_return nullptr;
  }
  // It may have come meanwhile, or be gone.
  connection* const line = waiting->line ? waiting->line.get() : waiting->at;
  if (line != nullptr) pool_.written(*line);
  while (!waiting->line && waiting->at != nullptr) {
    co_await waiting->changed.wait(stop);
    if (!stop.stop_requested()) continue;
    pool_.abandon(*waiting);
    co_return failure(errc::cancelled, "stopped");
  }
  co_return std::move(waiting->line);
}

task<result<client::answered_line>> client::ask(net::endpoint where, placement how, method verb, std::string bytes, std::string named,
                                                bool repeatable, runtime::stop_source& stop) {
  const std::span<const std::byte> wire = std::as_bytes(std::span(bytes.data(), bytes.size()));
  unsigned repeats = 0;
  for (bool fresh = false;;) {
    granted_connection granted;
    if (fresh) {
      auto opened = co_await pool_.acquire(where, true, stop, how.user);
      if (!opened) co_return opened.error();
      granted.line = std::move(*opened);
    } else {
      auto found = co_await pool_.acquire(where, how, stop);
      if (!found) co_return found.error();
      granted = std::move(*found);
    }
    // A kept connection comes at once, without a look at the stop, and a stop of the past wakes nobody.
    if (stop.stop_requested()) {
      if (granted.behind) pool_.abandon(*granted.behind);
      co_return failure(errc::cancelled, "stopped");
    }
    const bool behind = granted.behind != nullptr;
    std::string_view doing = "while waiting for the answer";
    bool cut = false;
    if (behind) {
      auto came = co_await await_line(std::move(granted.behind), wire, stop);
      if (!came) co_return came.error();
      granted.line = std::move(*came);
      if (!granted.line) {
        // Nothing is known about this request; the exchange before it has failed.
        how.alone = true;
        continue;
      }
    } else {
      // A server may answer and close before it has read everything: the answer is what matters, so a failed write is not the end yet.
      // A long one may be refused before it has been read.
      bool written = false;
      if (wire.size() > granted.line->carry.size()) {
        early_answer answer(*granted.line);
        written = co_await answer.write(wire, limits_.header, stop);
      } else {
        const error_code refused = co_await write_request(*granted.line->stream, wire, limits_.header, stop);
        written = !refused;
      }
      if (!written) doing = "while sending the request";
      if (written) pool_.written(*granted.line);
      cut = !written;
    }
    std::unique_ptr<connection> line = std::move(granted.line);
    head_parser parser(verb);
    exchange_limits limits = limits_;
    // The server has had it since before the answer that has just ended: silence now means that somebody on the way has dropped it.
    if (behind) limits.header = std::min(limits.header, limits.idle);
    const std::chrono::milliseconds soon = how.repeat_after * (1u << repeats);
    const bool hasty = soon.count() > 0 && repeats < placement::most_repeats && soon < limits.header;
    if (hasty) limits.header = soon;
    const head_result outcome = co_await read_head(*line, parser, limits, stop, named, doing);
    if (outcome.outcome == head_outcome::ready) {
      answered_line answered{std::move(line), std::move(parser).head(), behind};
      // What was not written of it would be taken for the begin of the next.
      if (cut) answered.head.keep_alive = false;
      co_return answered;
    }
    const bool was_kept = line->reused;
    if (!stop.stop_requested()) pool_.broken(std::move(line));
    // Gone before another is opened.
    line.reset();
    if (hasty && outcome.error.code == errc::timed_out) {
      ++repeats;
      fresh = true;
      continue;
    }
    // Whatever came in place of the answer, the one before it may be to blame: a surplus byte, a middlebox. Alone it will tell.
    if (behind && !stop.stop_requested()) {
      pool_.one_at_a_time(where);
      how.alone = true;
      continue;
    }
    // An idle connection that the server had just given up, or on which more came than the answer before: a fresh one will tell.
    const bool unanswered = outcome.outcome == head_outcome::swallowed || outcome.outcome == head_outcome::foreign;
    const bool again = unanswered && was_kept && repeatable && !fresh;
    if (!again) co_return outcome.error;
    fresh = true;
  }
}

task<result<exchange>> client::send(request message, body_source& body, runtime::stop_source& stop) {
  message.body_size = body.size();
  const result<prepared> made = prepare(message, endpoint_of(message.target.origin, message.trusting.get()));
  if (!made) co_return made.error();
  const result<void> turn = co_await await_turn(message.target.origin, message.how, stop);
  if (!turn) co_return turn.error();
  under_way request_counted(host_of(message.target.origin.authority()), message.how.user != 0);
  if (message.how.watch != nullptr) message.how.watch->asks(message.target.origin);
  auto acquired = co_await pool_.acquire(made->where, message.how.once, stop, message.how.user);
  if (!acquired) co_return acquired.error();
  std::unique_ptr<connection> line = std::move(*acquired);
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");

  const std::span<const std::byte> head = std::as_bytes(std::span(made->bytes.data(), made->bytes.size()));
  const error_code refused = co_await write_request(*line->stream, head, limits_.idle, stop);
  bool cut = refused.failed();
  if (!cut) {
    const result<void> written = co_await write_body(*line, body, message.body_size == size_unknown, limits_, stop, cut);
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
  if (cut || message.how.once) answered.keep_alive = false;
  exchange ready(pool_, std::move(line), std::move(answered), limits_, stop, message, made->named);
  co_return ready;
}

}  // namespace gantry::http
