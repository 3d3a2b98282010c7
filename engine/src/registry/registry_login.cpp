// Requests that nobody has asked a login of: whose they are, and what is said when they fail.
#include "registry/registry_client.hpp"
#include "registry/registry_host.hpp"

#include "http/request_watch.hpp"
#include "registry/challenge.hpp"
#include "registry/registry_error.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

namespace gantry::registry {

task<result<bool>> registry_client::knows_login(host& where, const api_call& what, runtime::stop_source& stop) {
  if (where.login_unknown) co_return false;
  const http::holding_up waiting(what.message.how.watch);
  const result<std::optional<credential>> known = co_await where.auth.find_credential(what.repository, stop);
  if (known) co_return known->has_value();
  // A HEAD that finds nothing is how most uploads begin, and may need no login at all.
  if (known.error().code == errc::cancelled || what.message.verb == http::method::get) co_return known.error();
  where.login_unknown = true;
  if (settings_.warn) settings_.warn(fmt::format("{} is asked without a login: {}", where.registry, known.error().text.message()));
  co_return false;
}

task<result<std::string>> registry_client::ask_for_challenge(host& where, const http::origin& api, const api_call& what,
                                                             runtime::stop_source& stop) {
  runtime::semaphore::permit turn;
  {
    // Only for the one whose turn it is does the time of a silent base count.
    const http::holding_up waiting(what.message.how.watch);
    turn = co_await where.asking_base.acquire(1, stop);
  }
  if (!turn || stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (!where.asked_base) {
    http::request asking;
    asking.target = {api, where.base};
    asking.trusting = where.trusting;
    if (where.auth.may_carry_secrets(api)) {
      for (const http::header& field : what.message.headers) {
        if (field.stays) asking.headers.push_back(field);
      }
    }
    asking.how.user = where.auth.user_of(what.repository);
    asking.how.watch = what.message.how.watch;
    auto sending = co_await http_.send(std::move(asking), stop);
    if (!sending) co_return sending.error();
    http::exchange reply = std::move(*sending);
    const http::response_head head = reply.head();
    if (where.scheme.empty()) where.scheme = api.scheme;
    const result<std::string> body = co_await reply.read_all(error_body_limit);
    if (!body && body.error().code == errc::cancelled) co_return body.error();
    if (head.status == 429 || head.status >= 500) {
      const std::string text = body ? *body : std::string();
      co_return status_failure(fmt::format("{} at {}", where.registry, where.base), head, text, std::chrono::system_clock::now());
    }
    where.asked_base = true;
    auto challenges = parse_challenges(head.all("WWW-Authenticate"));
    if (head.status == 401 && challenges && !challenges->empty()) {
      const std::string none;
      const http::holding_up waiting(what.message.how.watch);
      co_return co_await where.auth.answer(api, what.repository, what.scope, std::move(*challenges), none, stop);
    }
  }
  const http::holding_up waiting(what.message.how.watch);
  co_return co_await where.auth.authorization(api, what.repository, what.scope, stop);
}

task<result<std::string>> registry_client::first_authorization(host& where, const http::origin& api, const api_call& what,
                                                               runtime::stop_source& stop) {
  result<std::string> value = std::string();
  {
    const http::holding_up waiting(what.message.how.watch);
    value = co_await where.auth.authorization(api, what.repository, what.scope, stop);
  }
  if (!value || !value->empty()) co_return value;
  // Whose request it is decides, too, whether a wait that an earlier run was told of is for it.
  const bool matters = what.depends_on_user || http_.governor_of(api.authority()).is_inherited();
  if (!matters) co_return value;
  const result<bool> known = co_await knows_login(where, what, stop);
  if (!known) co_return known.error();
  if (!*known || !what.depends_on_user) co_return value;
  co_return co_await ask_for_challenge(where, api, what, stop);
}

failure registry_client::unanswered(const host& where, const http::origin& api, const std::string& repository, failure why) {
  std::string advice;
  if (why.code == errc::connection_lost && !api.is_tls() && where.scheme == "http" && !where.answered) {
    advice = where.written.empty() ? "it may speak TLS: then leave out --plain-http"
                                   : fmt::format("it may speak TLS: then write https:// in place of http:// ({})", where.written);
  } else if (why.code == errc::rate_limited && http_.governor_of(api.authority()).is_inherited() && where.auth.user_of(repository) == 0) {
    advice = "that was without a login; " + where.auth.way_in();
  }
  if (advice.empty()) return why;
  why.text = diagnostics(fmt::format("{}; {}", why.text.message(), advice), why.text.server_message());
  return why;
}

}  // namespace gantry::registry
