#include "registry/authenticator.hpp"

#include "base/base64.hpp"
#include "base/redact.hpp"
#include "http/origin_policy.hpp"
#include "http/redirect.hpp"
#include "http/retry_after.hpp"
#include "registry/escape.hpp"
#include "registry/scope.hpp"
#include "registry/status.hpp"
#include "registry/token_response.hpp"

#include <fmt/format.h>

#include <stop_token>
#include <utility>

namespace gantry::registry {
namespace {

bool is_registry_token(const credential& who) { return !who.registry_token.empty() && who.identity_token.empty() && who.username.empty(); }

/// A realm may be relative only by mistake; one without a path means the root.
std::string with_query(const std::string& target, const std::string& query) {
  return target + (target.find('?') == std::string::npos ? '?' : '&') + query;
}

}  // namespace

failure authenticator::no_credentials(const std::string& repository, std::string_view wish) const {
  if (const std::string why = absence(repository); !why.empty()) {
    return {errc::unauthorized, fmt::format("{} {}, and none are known: {}; {}", values_.registry, wish, why, way_in())};
  }
  return {errc::unauthorized, fmt::format("{} {}, and none are known; {}", values_.registry, wish, way_in())};
}

std::string authenticator::way_in() const {
  std::string way = fmt::format("log in with 'gantry login {}'", values_.registry);
  if (values_.is_named) way += ", or give --username and --password-stdin";
  return way;
}

bool authenticator::may_carry_secrets(const http::origin& where) const {
  return where.is_tls() || values_.allow_plain_http || http_.stays_here(where);
}

failure authenticator::clear_text(const http::origin& where, std::string_view secret) const {
  return {errc::insecure_transport, fmt::format("{} would receive {} in clear text; add --plain-http={} if that is meant",
                                                where.authority(), secret, values_.registry)};
}

failure authenticator::not_accepted(const std::string& repository) const {
  return {errc::unauthorized, fmt::format("{} does not accept the credentials, sent {}", values_.registry, identity(repository))};
}

task<result<std::optional<credential>>> authenticator::find_credential(std::string repository, runtime::stop_source& stop) {
  // One question to the source at a time, which may be a program that asks a person.
  runtime::semaphore::permit turn = co_await lookups_.acquire(1, stop);
  if (!turn || stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (auto known = known_.find(repository)) co_return std::move(*known);
  using answer = known_credentials::answer;
  result<answer> found = answer();
  if (values_.credentials) {
    std::stop_source asking;
    const runtime::stop_source::registration ending(stop, [asking]() mutable { asking.request_stop(); });
    auto call = [source = values_.credentials, registry = values_.registry, repository, token = asking.get_token()]() -> result<answer> {
      diagnostics problem;
      answer said;
      said.value = source->find_until(registry, repository, problem, token);
      if (!problem.message().empty()) return failure(errc::bad_credentials, problem.message());
      if (!said.value) said.absence = source->absence(registry);
      return said;
    };
    found = co_await runtime::offload(workers_, runtime::lane::names, std::move(call));
    // What was broken off has said nothing that another caller could use.
    if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  }
  if (!found) co_return found.error();
  std::optional<credential> value = found->value;
  known_.learn(std::move(repository), std::move(*found));
  co_return value;
}

task<result<std::string>> authenticator::basic(const http::origin& api, std::string repository, runtime::stop_source& stop) {
  const result<std::optional<credential>> looked_up = co_await find_credential(repository, stop);
  if (!looked_up) co_return looked_up.error();
  const std::optional<credential>& known = *looked_up;
  if (known && known->username.empty()) {
    co_return failure(errc::unauthorized,
                      fmt::format("{} asks for a user name and a password, and what is known is a token (credentials: {}); {}",
                                  values_.registry, known->origin, way_in()));
  }
  if (!known) {
    co_return no_credentials(repository, "asks for a user name and a password");
  }
  if (!may_carry_secrets(api)) co_return clear_text(api, fmt::format("the password of {}", known->username));
  if (is_refused(repository, false)) co_return not_accepted(repository);
  co_return "Basic " + base64_encode(known->username + ":" + known->password);
}

task<result<std::string>> authenticator::authorization(const http::origin& api, std::string repository, std::string scope,
                                                       runtime::stop_source& stop) {
  if (wants_basic_) co_return co_await basic(api, std::move(repository), stop);
  if (bearer_) {
    const bearer service = *bearer_;
    const std::string none;
    co_return co_await token_for(api, std::move(repository), service, std::move(scope), none, stop);
  }
  co_return std::string();
}

task<result<std::string>> authenticator::answer(const http::origin& api, std::string repository, std::string scope,
                                                std::vector<challenge> challenges, std::string used, runtime::stop_source& stop) {
  const challenge* wanted = preferred(challenges);
  if (wanted == nullptr) {
    co_return failure(errc::unauthorized, fmt::format("{} asks for a kind of authentication that is not supported", values_.registry));
  }
  if (wanted->scheme == "basic") {
    result<std::string> value = co_await basic(api, repository, stop);
    if (value && *value == used) {
      co_return not_accepted(repository);
    }
    wants_basic_ = value.has_value();
    co_return value;
  }
  const std::string* realm = wanted->find("realm");
  if (realm == nullptr)
    co_return failure(errc::protocol_error, fmt::format("{} asks for a token and does not say where to get it", values_.registry));
  const std::string* service = wanted->find("service");
  const std::string* asked = wanted->find("scope");
  bearer where;
  where.realm = *realm;
  if (service != nullptr) where.service = *service;
  bearer_ = where;
  wants_basic_ = false;
  if (asked != nullptr) scope = join_scopes(scope, *asked);
  co_return co_await token_for(api, std::move(repository), where, std::move(scope), used, stop);
}

task<result<std::string>> authenticator::token_for(const http::origin& api, std::string repository, bearer service, std::string scope,
                                                   const std::string& refused, runtime::stop_source& stop) {
  // A look at the credential first: tokens are shared only between requests of the same one.
  const result<std::optional<credential>> asking = co_await find_credential(repository, stop);
  if (!asking) co_return asking.error();
  if (*asking && is_registry_token(**asking)) {
    if (!may_carry_secrets(api)) co_return clear_text(api, "the token");
    std::string value = "Bearer " + (*asking)->registry_token;
    if (value == refused) co_return not_accepted(repository);
    co_return value;
  }
  std::string key = service.realm + '\n' + service.service + '\n' + fingerprint(*asking);
  for (const std::string& part : parse_scopes(scope)) key += '\n' + part;
  const std::shared_ptr<kept_token> shared = tokens_.at(key);

  while (shared->being_fetched && !stop.stop_requested()) {
    const unsigned round = shared->round;
    co_await shared->fetched.wait(stop);
    // A wrong password is not tried again by each of those who waited to hear about it; many a service locks accounts for less.
    if (shared->refusal && shared->refused_round == round && !stop.stop_requested()) co_return *shared->refusal;
  }
  if (stop.stop_requested()) co_return failure(errc::cancelled, "stopped");
  if (!shared->is_usable() || "Bearer " + shared->value == refused) {
    const kept_token::fetching guard(*shared);
    const result<void> got = co_await fetch(*shared, api, std::move(repository), std::move(service), std::move(scope), stop);
    if (!got) {
      // Other failures may be this caller's alone, for instance its stop: one of the waiters asks for itself.
      if (got.error().code == condition::not_authorised) {
        shared->refusal = got.error();
        shared->refused_round = shared->round;
      }
      co_return got.error();
    }
  }
  co_return "Bearer " + shared->value;
}

task<result<void>> authenticator::fetch(kept_token& into, const http::origin& api, std::string repository, bearer service,
                                        std::string scope, runtime::stop_source& stop) {
  const result<http::url> realm = http::url::parse(service.realm);
  if (!realm)
    co_return failure(errc::redirect_refused,
                      fmt::format("{} names a token service that cannot be used: {}", values_.registry, realm.error().text.message()));
  const result<void> allowed = http::allow(http::url_channel::token_realm, api, *realm);
  if (!allowed) co_return allowed.error();

  const result<std::optional<credential>> looked_up = co_await find_credential(repository, stop);
  if (!looked_up) co_return looked_up.error();
  const std::optional<credential>& known = *looked_up;
  const http::origin& target = realm->origin;
  if (known && !may_carry_secrets(target)) co_return clear_text(target, "credentials");
  if (known && is_refused(repository, false)) co_return not_accepted(repository);

  std::string query;
  const auto add = [&query](std::string_view name, std::string_view value) {
    if (!query.empty()) query += '&';
    query += fmt::format("{}={}", name, escape(value));
  };
  http::request asking;
  asking.target = *realm;
  asking.how.user = number_of(known);
  asking.trusting = values_.trusting;
  if (!service.service.empty()) add("service", service.service);
  if (known && !known->identity_token.empty()) {
    // The OAuth2 form of the token specification: a refresh token is never sent in a URL.
    add("scope", scope);
    add("grant_type", "refresh_token");
    add("client_id", "gantry");
    add("refresh_token", known->identity_token);
    asking.verb = http::method::post;
    asking.body = query;
    asking.set("Content-Type", "application/x-www-form-urlencoded");
  } else {
    // A refresh token may be good for one request, whose answer would bring the next: only what carries none is made again.
    asking.how.repeat_after = values_.token_patience;
    for (const std::string& part : parse_scopes(scope)) add("scope", part);
    if (known && !known->username.empty()) {
      add("account", known->username);
      asking.set("Authorization", "Basic " + base64_encode(known->username + ":" + known->password));
    }
    if (!query.empty()) asking.target.target = with_query(asking.target.target, query);
  }

  for (unsigned followed = 0;; ++followed) {
    const http::request sent = asking;
    auto sending = co_await http_.send(std::move(asking), stop);
    if (!sending) co_return sending.error();
    http::exchange reply = std::move(*sending);
    if (http::is_redirect(reply.head().status)) {
      const auto next = http::follow_redirect(sent, reply.head(), http::url_channel::token_redirect, followed);
      if (!next) co_return next.error();
      // Headers with secrets are dropped on the way to another origin; a refresh token is in the body.
      if (!next->body.empty() && next->target.origin != sent.target.origin) {
        co_return failure(errc::redirect_refused, fmt::format("the token service {} redirects to {}, which would receive the refresh token",
                                                              sent.target.origin.authority(), next->target.origin.authority()));
      }
      asking = *next;
      continue;
    }
    if (reply.head().status != 200) {
      const unsigned status = reply.head().status;
      const http::response_head head = reply.head();
      const result<std::string> body = co_await reply.read_all(error_body_limit);
      const std::string text = body ? *body : std::string();
      const auto now = std::chrono::system_clock::now();
      failure refusal = status_failure(fmt::format("asking {} for a token {}", target.authority(), identity(repository)), head, text, now);
      if (status == 401 || status == 403) {
        failure explained = not_accepted(repository);
        if (status == 401) note_refused(repository, false);
        if (!known) explained = no_credentials(repository, "gives no token without credentials");
        refusal = failure(explained.code, explained.text.message(), refusal.text.server_message());
      } else if (refusal.code == errc::rate_limited && refusal.retry_after) {
        failure later(errc::rate_limited,
                      fmt::format("{} limits the rate of requests for tokens and asks to come back {} (asked {})", target.authority(),
                                  http::describe_wait(*refusal.retry_after, now), identity(repository)),
                      refusal.text.server_message());
        later.retry_after = refusal.retry_after;
        refusal = std::move(later);
      }
      // That is said of the service's own address, not of what the token is for.
      if (refusal.code == condition::not_found) refusal.code = make_error_code(errc::unexpected_status);
      co_return refusal;
    }
    const std::string* const type = reply.head().find("Content-Type");
    const std::string kind = type == nullptr ? std::string() : clean_text(*type, 64);
    const result<std::string> body = co_await reply.read_all(token_response_limit);
    if (!body) co_return body.error();
    const auto parsed = parse_token_response(*body, std::chrono::system_clock::now());
    if (!parsed) {
      co_return failure(errc::protocol_error,
                        fmt::format("{} gives no token that {} would take: {}{}", target.authority(), values_.registry,
                                    parsed.error().text.message(), kind.empty() ? kind : " (" + kind + ")"));
    }
    note_accepted(repository);
    into.value = parsed->token;
    into.expires_at = parsed->expires_at;
    co_return result<void>();
  }
}

}  // namespace gantry::registry
