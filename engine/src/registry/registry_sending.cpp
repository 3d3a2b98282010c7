// Requests on their way: the scheme, authorisation, challenges, redirects.
#include "registry/registry_client.hpp"
#include "registry/registry_host.hpp"

#include "base/redact.hpp"
#include "http/redirect.hpp"
#include "http/request_watch.hpp"
#include "http/warning.hpp"
#include "registry/challenge.hpp"
#include "registry/quota.hpp"
#include "registry/registry_error.hpp"
#include "registry/scope.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

/// What to say of \p address, before which \p source writes `https://`, when it does not speak TLS.
failure no_tls_after_all(const std::string& address, const std::string& source, const failure& why) {
  // It may be another host's answer, to which a redirect led.
  const auto api = http::endpoint_of(address, "https");
  if (!api || !why.text.message().starts_with(api->authority() + " ")) return why;
  return {errc::tls_expected,
          fmt::format("{} answers without TLS, and {} writes https:// before it; http:// there is for clear text", address, source)};
}

/// Whether a registry may say by this answer that it does not know who asks. Some do so without a challenge, lest it be known what there
/// is.
bool hides_what_is_there(unsigned status, bool challenged) { return status == 403 || status == 404 || (status == 401 && !challenged); }

}  // namespace

task<result<http::exchange>> registry_client::send_once(http::request message, http::body_source* body, runtime::stop_source& stop) {
  if (body != nullptr) co_return co_await http_.send(std::move(message), *body, stop);
  co_return co_await http_.send(std::move(message), stop);
}

task<result<http::exchange>> registry_client::call_elsewhere(http::request message, http::body_source* body, runtime::stop_source& stop) {
  co_return co_await send_once(std::move(message), body, stop);
}

task<> registry_client::send_aside(api_call what, runtime::stop_source& stop) {
  const auto home = home_of(what.registry, what.repository);
  if (!home || !settle(what, *home)) co_return;
  host& where = host_for(*home);
  if (where.scheme.empty()) co_return;  // it has never answered
  const auto api = http::endpoint_of(where.address, where.scheme);
  if (!api || what.message.target.origin != *api) co_return;
  const result<std::string> authorization = co_await where.auth.authorization(*api, what.repository, what.scope, stop);
  if (!authorization) co_return;
  http::request message = std::move(what.message);
  message.trusting = where.trusting;
  if (!where.auth.may_carry_secrets(*api)) std::erase_if(message.headers, [](const http::header& field) { return field.stays; });
  if (!authorization->empty()) {
    message.set("Authorization", *authorization);
    message.how.user = where.auth.user_of(what.repository);
  }
  const http::method verb = message.verb;
  auto sent = co_await http_.send(std::move(message), stop);
  if (!sent) co_return;
  http::exchange reply = std::move(*sent);
  if (settings_.log) {
    settings_.log(fmt::format("{} {} -> {}", http::to_string(verb), reply.where(), http::describe_status(reply.head().status)));
  }
  const result<std::string> unread = co_await reply.read_all(error_body_limit);
  static_cast<void>(unread);
}

task<result<http::exchange>> registry_client::call(api_call what, runtime::stop_source& stop, http::url* answered_by) {
  const auto home = home_of(what.registry, what.repository);
  if (!home) co_return home.error();
  if (auto settled = settle(what, *home); !settled) co_return settled.error();
  host& where = host_for(*home);
  const std::string registry = what.registry;
  auto sent = co_await send(where, std::move(what), stop, nullptr, answered_by);
  note_answer(registry, sent);
  co_return sent;
}

task<result<http::exchange>> registry_client::send(host& where, api_call what, runtime::stop_source& stop,
                                                   std::optional<blob_place>* elsewhere, http::url* answered_by) {
  if (what.scope.empty() && !what.repository.empty()) {
    what.scope = repository_scope(what.repository, std::vector<std::string>(1, "pull"));
  }
  if (!where.scheme.empty()) {
    auto sent = co_await send_to(where, where.scheme, std::move(what), stop, elsewhere, answered_by);
    if (!sent && sent.error().code == errc::tls_expected && !where.promised.empty()) {
      co_return no_tls_after_all(where.address, where.promised, sent.error());
    }
    co_return sent;
  }
  // A registry on this machine: TLS first; what does not speak it at all is asked in clear text.
  api_call second = what;
  auto secure = co_await send_to(where, "https", std::move(what), stop, elsewhere, answered_by);
  const bool no_tls = !secure && (secure.error().code == errc::tls_expected || secure.error().code == errc::tls_failed);
  if (!no_tls || where.scheme == "https") co_return secure;
  co_return co_await send_to(where, "http", std::move(second), stop, elsewhere, answered_by);
}

task<result<http::exchange>> registry_client::follow(http::request& sent, http::exchange reply, http::url_channel channel,
                                                     http::body_source* body, runtime::stop_source& stop) {
  for (unsigned followed = 0; http::is_redirect(reply.head().status); ++followed) {
    const auto next = http::follow_redirect(sent, reply.head(), channel, followed);
    if (!next) co_return next.error();
    // The address itself may be a secret: its query is what opens it.
    if (settings_.log) {
      settings_.log(fmt::format("{} sends us to {} ({})", reply.where(), next->target.origin.authority(),
                                http::describe_status(reply.head().status)));
    }
    // A few words of body come with most redirects; read to their end they leave the connection fit for the next request.
    const bool brief = reply.head().framing == http::body_framing::length && reply.head().content_length <= error_body_limit;
    if (brief) {
      const result<std::string> unread = co_await reply.read_all(error_body_limit);
      if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    }
    sent = *next;
    // What was not read to its end goes with its connection, before the next request could be sent behind it.
    { const http::exchange over = std::move(reply); }
    http::request again = sent;
    // The blob's place has been paid for.
    again.how.ahead = false;
    // Only 307 and 308 keep a body.
    http::body_source* const kept = sent.verb == http::method::get ? nullptr : body;
    if (kept != nullptr) {
      if (auto rewound = co_await kept->rewind(); !rewound) co_return rewound.error();
    }
    auto moved = co_await send_once(std::move(again), kept, stop);
    if (!moved) co_return moved.error();
    reply = std::move(*moved);
    // A presigned address on the registry's own origin: storage refuses two kinds of authorisation at once. What is written is not sent
    // a second time: its body is spent, and 400 is then the answer to it.
    const bool reads = sent.verb == http::method::get || sent.verb == http::method::head;
    if (reads && reply.head().status == 400 && sent.find("Authorization") != nullptr) {
      const result<std::string> unread = co_await reply.read_all(error_body_limit);
      if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
      sent.erase("Authorization");
      http::request bare = sent;
      auto repeated = co_await http_.send(std::move(bare), stop);
      if (!repeated) co_return repeated.error();
      reply = std::move(*repeated);
    }
  }
  co_return reply;
}

task<result<http::exchange>> registry_client::send_to(host& where, std::string scheme, api_call what, runtime::stop_source& stop,
                                                      std::optional<blob_place>* elsewhere, http::url* answered_by) {
  const auto api = http::endpoint_of(where.address, scheme);
  if (!api) co_return api.error();
  const http::request& message = what.message;
  what.message.target.origin = *api;
  what.message.trusting = where.trusting;
  const std::string repository = what.repository;
  const std::string scope = what.scope;

  result<std::string> authorization = co_await first_authorization(where, *api, what, stop);
  if (!authorization) co_return authorization.error();
  if (message.verb == http::method::head && !authorization->empty() && where.auth.is_refused(repository, true)) {
    co_return where.auth.not_accepted(repository);
  }
  bool asked_base = false;
  // Two answers to challenges: the token that was kept may have been withdrawn, and a first token may lack the scope that the second
  // challenge names.
  for (unsigned challenged = 0;; ++challenged) {
    http::request attempt = message;
    if (!where.auth.may_carry_secrets(*api)) {
      std::erase_if(attempt.headers, [](const http::header& field) { return field.stays; });
      if (attempt.headers.size() != message.headers.size() && !std::exchange(where.told_fields, true) && settings_.warn) {
        settings_.warn(
            fmt::format("{} is spoken to in clear text: the header fields that are configured for it are not sent", where.registry));
      }
    }
    if (!authorization->empty()) attempt.set("Authorization", *authorization);
    if (!authorization->empty() || http_.governor_of(api->authority()).is_inherited()) attempt.how.user = where.auth.user_of(repository);
    http::request sent = attempt;
    if (what.body != nullptr && challenged > 0) {
      if (auto rewound = co_await what.body->rewind(); !rewound) co_return rewound.error();
    }
    auto sending = co_await send_once(std::move(attempt), what.body, stop);
    if (!sending) co_return unanswered(where, *api, repository, sending.error());
    http::exchange reply = std::move(*sending);
    // Whatever follows: who has answered speaks it, and is asked so from now on, with the token service that it names.
    if (where.scheme.empty()) where.scheme = scheme;

    auto followed = co_await follow(sent, std::move(reply), http::url_channel::redirect, what.body, stop);
    if (!followed) co_return followed.error();
    reply = std::move(*followed);

    const bool ours = sent.target.origin == *api;
    if (elsewhere != nullptr) {
      elsewhere->reset();
      if (sent.target != message.target) {
        blob_place place;
        place.where = sent.target;
        place.at_home = ours;
        place.authorised = ours && sent.find("Authorization") != nullptr;
        *elsewhere = std::move(place);
      }
    }
    if (answered_by != nullptr) *answered_by = sent.target;
    where.answered = true;
    if (ours) note_quota(where, reply.head());
    if (ours) note_warnings(where, reply.head());
    if (settings_.log) {
      settings_.log(fmt::format("{} {} -> {}", http::to_string(sent.verb), reply.where(), http::describe_status(reply.head().status)));
    }
    const bool let_in = reply.head().status < 500 && reply.head().status != 401 && reply.head().status != 429;
    if (ours && let_in && !authorization->empty()) where.auth.note_accepted(repository);
    if (challenged == 2 || !ours) co_return reply;
    auto challenges = parse_challenges(reply.head().all("WWW-Authenticate"));
    const bool asked_for = challenges && !challenges->empty();
    const bool may_hide = hides_what_is_there(reply.head().status, asked_for) && authorization->empty();
    const bool open = where.asked_base && !where.auth.was_asked();
    if (may_hide && !open && !std::exchange(asked_base, true)) {
      const result<bool> known = co_await knows_login(where, what, stop);
      if (!known) co_return known.error();
      if (!*known) co_return reply;
      // Read to its end, for it may hold the only connection.
      const result<std::string> unread = co_await reply.read_all(error_body_limit);
      if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
      { const http::exchange over = std::move(reply); }
      authorization = co_await ask_for_challenge(where, *api, what, stop);
      if (!authorization) co_return authorization.error();
      continue;
    }
    if (reply.head().status != 401 || !asked_for) co_return reply;
    // The body is of no use; read to its end it leaves the connection fit for the next request.
    const result<std::string> unread = co_await reply.read_all(error_body_limit);
    if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    std::string used = *authorization;
    const bool had_tried = !used.empty();
    {
      const http::holding_up waiting(message.how.watch);
      authorization = co_await where.auth.answer(*api, repository, scope, std::move(*challenges), std::move(used), stop);
    }
    // ECR Public refuses HEAD to those to whom it allows GET: the answer stands, and the caller asks otherwise.
    const bool refused = !authorization && had_tried && authorization.error().code == errc::unauthorized;
    if (refused) where.auth.note_refused(repository, sent.verb == http::method::head);
    if (refused && sent.verb == http::method::head) co_return reply;
    if (!authorization) co_return authorization.error();
  }
}

bool registry_client::refuses_account(const reference& image) const {
  return std::any_of(hosts_.begin(), hosts_.end(), [&image](const auto& one) {
    return one.second->registry == image.registry() && one.second->auth.is_refused(image.repository(), true);
  });
}

void registry_client::note_quota(host& where, const http::response_head& answer) {
  const std::optional<quota> said = quota_of(answer);
  if (!said) return;
  where.record->counts_pulls = true;
  if (!said->is_low() || where.told_quota) return;
  where.told_quota = true;
  if (settings_.warn) settings_.warn(fmt::format("{}: {}", where.registry, to_string(*said)));
}

void registry_client::note_warnings(host& where, const http::response_head& answer) {
  // A registry that has something new to say with each answer is not listened to for ever.
  constexpr std::size_t most = 10;
  for (const std::string_view field : answer.all("Warning")) {
    const std::optional<std::string> said = http::parse_warning(field);
    std::string text = said ? clean_text(*said) : std::string();
    if (text.empty() || where.told_warnings.size() == most || !where.told_warnings.insert(text).second) continue;
    if (settings_.warn) settings_.warn(fmt::format("{} says: {}", where.registry, text));
  }
}

task<> registry_client::warm_up(std::string registry, unsigned connections, runtime::stop_source& stop) {
  // One that was passed over for a mirror is not asked either.
  const auto known = std::find_if(hosts_.begin(), hosts_.end(), [&registry](const auto& one) {
    const host& candidate = *one.second;
    return candidate.registry == registry && candidate.answered && !candidate.scheme.empty();
  });
  if (known == hosts_.end()) co_return;
  const host& where = *known->second;
  const auto api = http::endpoint_of(where.address, where.scheme);
  if (!api) co_return;
  const http::origin& origin = *api;
  const std::shared_ptr<const http::trust> trusting = where.trusting;
  runtime::task_group opening(co_await boost::asio::this_coro::executor);
  for (unsigned i = 0; i < connections; ++i) opening.spawn(http_.warm_up(origin, trusting, connections, stop));
  co_await opening.join();
}

}  // namespace gantry::registry
