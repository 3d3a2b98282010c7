#include "registry/registry_client.hpp"

#include "http/redirect.hpp"
#include "http/retry_after.hpp"
#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "net/tls_error.hpp"
#include "registry/escape.hpp"
#include "registry/quota.hpp"
#include "registry/scope.hpp"
#include "registry/status.hpp"
#include "runtime/task_group.hpp"

#include <fmt/format.h>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace gantry::registry {

std::string api_address(const std::string& registry) { return registry == "docker.io" ? "registry-1.docker.io" : registry; }

struct registry_client::host {
  std::string registry;  ///< as in references
  std::string address;   ///< host and port of the API
  std::string scheme;    ///< empty while it is not known
  authenticator auth;
  std::shared_ptr<site_record> record;
  bool told_quota = false;
  bool told_fields = false;  ///< that header fields are held back
  bool answered = false;
};

namespace {

/// The path of a request below a repository.
std::string target_of(const config::endpoint& at, std::string_view repository, std::string_view kind, std::string_view name) {
  std::string target = fmt::format("{}/{}/{}/{}", at.api, repository, kind, name);
  if (!at.name_space.empty()) target += "?ns=" + at.name_space;
  return target;
}

/// What the host's configuration wants every request to this place to carry.
void add_fields(const config::endpoint& at, http::request& message) {
  for (const auto& [name, value] : at.headers) message.headers.push_back(http::header{name, value, true});
}

api_call pull_call(const site& at) {
  api_call made;
  made.registry = at.image.registry();
  made.repository = at.image.repository();
  add_fields(at.how, made.message);
  return made;
}

/// The same scopes for a repository that is called otherwise where it is.
std::string rename_scope(const std::string& scope, const std::string& repository, const std::string& local_name) {
  const std::string resource = fmt::format("repository:{}:", repository);
  std::string renamed;
  for (const std::string& one : parse_scopes(scope)) {
    if (!renamed.empty()) renamed += ' ';
    renamed += one.starts_with(resource) ? fmt::format("repository:{}:{}", local_name, one.substr(resource.size())) : one;
  }
  return renamed;
}

/// A host without dot and port would be read as a part of a path.
std::string spelled_out(const config::endpoint& at) {
  const bool plain_word = at.registry.find_first_of(".:") == std::string::npos && at.registry != "localhost";
  return plain_word ? fmt::format("{}:{}", at.registry, at.plain_http ? 80 : 443) : at.registry;
}

}  // namespace

registry_client::registry_client(http::client& http, runtime::lanes& workers, registry_settings settings)
    : http_(http), workers_(workers), settings_(std::move(settings)) {}

registry_client::~registry_client() = default;

registry_client::host& registry_client::host_for(const config::endpoint& at) {
  const std::string& registry = at.registry;
  std::unique_ptr<host>& slot = hosts_[registry];
  if (!slot) {
    const bool allowed = settings_.plain_http.contains(registry) || settings_.plain_http.contains("*");
    std::string address = api_address(registry);
    const bool plain = allowed || at.plain_http;
    const bool either = (at.insecure || http::is_loopback_registry(registry)) && !settings_.tls_only.contains(registry);
    std::string scheme = plain ? "http" : either ? "" : "https";
    const auto api = http::endpoint_of(address, "https");
    if (api && settings_.on_endpoint) settings_.on_endpoint(at, *api);
    authenticator::settings identity{registry, settings_.credentials, allowed};
    auto record = std::make_shared<site_record>();
    if (api) {
      if (const auto hint = hints_.find(api->authority()); hint != hints_.end()) {
        record = std::make_shared<site_record>(static_cast<double>(hint->second.rate));
        record->ranges = hint->second.ranges;
        record->counts_pulls = hint->second.counts_pulls;
      }
    }
    // Docker Hub counts GETs of manifests, and says so only to those who make one.
    if (registry == "docker.io") record->counts_pulls = true;
    slot.reset(new host{registry, std::move(address), std::move(scheme), authenticator(http_, workers_, std::move(identity)),
                        std::move(record), false, false, false});
  }
  return *slot;
}

registry_client::host& registry_client::host_for(const std::string& registry) {
  if (const auto known = hosts_.find(registry); known != hosts_.end()) return *known->second;
  auto itself = home_of(registry, {});
  if (itself) return host_for(*itself);
  config::endpoint plain;
  plain.registry = registry;
  return host_for(plain);
}

result<config::endpoint> registry_client::home_of(const std::string& registry, const std::string& repository) const {
  if (settings_.endpoints) {
    // What is said about the registry as a whole, its certificate above all, can only be asked for with some repository.
    auto found = settings_.endpoints(registry, repository.empty() ? "x" : repository);
    if (!found) return found.error();
    if (!repository.empty() || found->back().registry == registry) return std::move(found->back());
  }
  config::endpoint itself;
  itself.registry = registry;
  itself.repository = repository;
  return itself;
}

result<void> registry_client::settle(api_call& what, const config::endpoint& home) const {
  add_fields(home, what.message);
  if (what.repository.empty()) return {};
  if (what.scope.empty()) what.scope = repository_scope(what.repository, std::vector<std::string>(1, "pull"));
  what.scope = rename_scope(what.scope, what.repository, home.repository);
  if (!what.path.empty()) what.message.target.target = fmt::format("{}/{}/{}", home.api, home.repository, what.path);
  if (!what.mount_from.empty()) {
    const auto other = home_of(what.registry, what.mount_from);
    if (!other) return other.error();
    // Kept elsewhere, it cannot be mounted from there: the registry then opens a session for the bytes.
    if (other->registry == home.registry) {
      what.message.target.target += "&from=" + escape(other->repository);
      what.scope += " " + repository_scope(other->repository, std::vector<std::string>(1, "pull"));
    }
  }
  what.repository = home.repository;
  return {};
}

result<std::vector<site>> registry_client::sites(const reference& image, bool by_digest) {
  std::vector<site> found;
  if (settings_.endpoints) {
    auto endpoints = settings_.endpoints(image.registry(), image.repository());
    if (!endpoints) return endpoints.error();
    for (config::endpoint& one : *endpoints) {
      if (one.is_mirror && !(by_digest ? one.digests : one.tags)) continue;
      error_code ec;
      diagnostics problem;
      reference name = reference::parse(fmt::format("{}/{}:x", spelled_out(one), one.repository), ec, problem);
      if (ec) {
        return failure(errc::invalid_option, fmt::format("{}, a place of {} by {}, cannot be used: {}", one.registry, image.name(),
                                                         one.source, problem.message()));
      }
      name = name.with_tag(image.tag()).with_digest(image.digest());
      if (!one.is_mirror && name.name() == image.name()) name = image;
      one.registry = name.registry();
      found.push_back({std::move(name), std::move(one), nullptr});
    }
  } else {
    config::endpoint itself;
    itself.registry = image.registry();
    itself.repository = image.repository();
    found.push_back({image, std::move(itself), nullptr});
  }
  for (site& one : found) one.record = host_for(one.how).record;
  return found;
}

void registry_client::note_quota(host& where, const http::response_head& answer) {
  const std::optional<quota> said = quota_of(answer);
  if (!said) return;
  where.record->counts_pulls = true;
  if (!said->is_low() || where.told_quota) return;
  where.told_quota = true;
  if (settings_.warn) settings_.warn(fmt::format("{}: {}", where.registry, to_string(*said)));
}

void registry_client::use_hints(hints known) {
  hints_ = std::move(known);
  const auto now = std::chrono::system_clock::now();
  for (const auto& [authority, hint] : hints_) {
    if (hint.rests_until > now) http_.governor_of(authority).rest_until(std::chrono::steady_clock::now() + (hint.rests_until - now));
  }
}

hints registry_client::learnt() const {
  hints all = hints_;
  for (const auto& [name, where] : hosts_) {
    const auto api = http::endpoint_of(where->address, where->scheme.empty() ? "https" : where->scheme);
    if (!api) continue;
    host_hint& hint = all[api->authority()];
    hint.rate = static_cast<std::uint64_t>(where->record->rate());
    hint.ranges = where->record->ranges;
    hint.counts_pulls = where->record->counts_pulls && where->registry != "docker.io";
  }
  const auto now = std::chrono::system_clock::now();
  for (auto& [authority, hint] : all) hint.rests_until = {};
  for (const auto& [authority, wait] : http_.resting()) all[authority].rests_until = std::chrono::ceil<std::chrono::seconds>(now + wait);
  std::erase_if(all, [](const auto& entry) { return entry.second == host_hint(); });
  return all;
}

bool registry_client::counts_pulls(const reference& image) {
  const result<std::vector<site>> found = sites(image, false);
  return found && found->size() == 1 && found->front().record->counts_pulls;
}

bool registry_client::answers_ranges(const reference& image) {
  const result<std::vector<site>> found = sites(image, true);
  return found && std::all_of(found->begin(), found->end(), [](const site& one) { return one.record->ranges; });
}

void registry_client::note_failure(const site& where, const failure& why) {
  if (settings_.log) settings_.log(fmt::format("mirror {}: {}", where.how.registry, why.text.message()));
}

task<result<http::exchange>> registry_client::send_once(http::request message, http::body_source* body, runtime::stop_source& stop) {
  if (body != nullptr) co_return co_await http_.send(std::move(message), *body, stop);
  co_return co_await http_.send(std::move(message), stop);
}

task<result<http::exchange>> registry_client::call_elsewhere(http::request message, http::body_source* body, runtime::stop_source& stop) {
  co_return co_await send_once(std::move(message), body, stop);
}

task<result<http::exchange>> registry_client::call(api_call what, runtime::stop_source& stop, http::url* answered_by) {
  const auto home = home_of(what.registry, what.repository);
  if (!home) co_return home.error();
  if (auto settled = settle(what, *home); !settled) co_return settled.error();
  host& where = host_for(*home);
  co_return co_await send(where, std::move(what), stop, nullptr, answered_by);
}

task<result<http::exchange>> registry_client::send(host& where, api_call what, runtime::stop_source& stop,
                                                   std::optional<http::url>* elsewhere, http::url* answered_by) {
  if (what.scope.empty() && !what.repository.empty()) {
    what.scope = repository_scope(what.repository, std::vector<std::string>(1, "pull"));
  }
  if (!where.scheme.empty()) co_return co_await send_to(where, where.scheme, std::move(what), stop, elsewhere, answered_by);
  // A registry on this machine: TLS first; what does not speak it at all is asked in clear text.
  api_call second = what;
  auto secure = co_await send_to(where, "https", std::move(what), stop, elsewhere, answered_by);
  const bool no_tls = !secure && (secure.error().code == errc::tls_expected || secure.error().code == errc::tls_failed);
  if (!no_tls) {
    if (secure) where.scheme = "https";
    co_return secure;
  }
  auto plain = co_await send_to(where, "http", std::move(second), stop, elsewhere, answered_by);
  if (plain) where.scheme = "http";
  co_return plain;
}

task<result<http::exchange>> registry_client::follow(http::request& sent, http::exchange reply, http::url_channel channel,
                                                     http::body_source* body, runtime::stop_source& stop) {
  for (unsigned followed = 0; http::is_redirect(reply.head().status); ++followed) {
    const auto next = http::follow_redirect(sent, reply.head(), channel, followed);
    if (!next) co_return next.error();
    // A few words of body come with most redirects; read to their end they leave the connection fit for the next request.
    const bool brief = reply.head().framing == http::body_framing::length && reply.head().content_length <= error_body_limit;
    if (brief) {
      const result<std::string> unread = co_await reply.read_all(error_body_limit);
      if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    }
    sent = *next;
    http::request again = sent;
    // Only 307 and 308 keep a body.
    http::body_source* const kept = sent.verb == http::method::get ? nullptr : body;
    if (kept != nullptr) {
      if (auto rewound = co_await kept->rewind(); !rewound) co_return rewound.error();
    }
    auto moved = co_await send_once(std::move(again), kept, stop);
    if (!moved) co_return moved.error();
    reply = std::move(*moved);
    // A presigned address on the registry's own origin: storage refuses two kinds of authorisation at once.
    if (reply.head().status == 400 && sent.find("Authorization") != nullptr) {
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
                                                      std::optional<http::url>* elsewhere, http::url* answered_by) {
  const auto api = http::endpoint_of(where.address, scheme);
  if (!api) co_return api.error();
  const http::request& message = what.message;
  what.message.target.origin = *api;
  const std::string repository = what.repository;
  const std::string scope = what.scope;

  result<std::string> authorization = co_await where.auth.authorization(*api, repository, scope, stop);
  if (!authorization) co_return authorization.error();
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
    http::request sent = attempt;
    if (what.body != nullptr && challenged > 0) {
      if (auto rewound = co_await what.body->rewind(); !rewound) co_return rewound.error();
    }
    auto sending = co_await send_once(std::move(attempt), what.body, stop);
    if (!sending) co_return sending.error();
    http::exchange reply = std::move(*sending);

    auto followed = co_await follow(sent, std::move(reply), http::url_channel::redirect, what.body, stop);
    if (!followed) co_return followed.error();
    reply = std::move(*followed);

    const bool ours = sent.target.origin == *api;
    if (elsewhere != nullptr && !ours) *elsewhere = sent.target;
    if (answered_by != nullptr) *answered_by = sent.target;
    where.answered = true;
    if (ours) note_quota(where, reply.head());
    if (settings_.log) {
      settings_.log(fmt::format("{} {} -> {}", http::to_string(sent.verb), reply.where(), http::describe_status(reply.head().status)));
    }
    if (reply.head().status != 401 || challenged == 2 || !ours) co_return reply;
    auto challenges = parse_challenges(reply.head().all("WWW-Authenticate"));
    if (!challenges) co_return reply;
    // The body is of no use; read to its end it leaves the connection fit for the next request.
    const result<std::string> unread = co_await reply.read_all(error_body_limit);
    if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    std::string used = *authorization;
    const bool had_tried = !used.empty();
    authorization = co_await where.auth.answer(*api, repository, scope, std::move(*challenges), std::move(used), stop);
    // ECR Public refuses HEAD to those to whom it allows GET: the answer stands, and the caller asks otherwise.
    if (!authorization && had_tried && sent.verb == http::method::head && authorization.error().code == errc::unauthorized) co_return reply;
    if (!authorization) co_return authorization.error();
  }
}

task<failure> registry_client::refusal(std::string registry, std::string repository, std::string what, http::exchange reply) {
  const auto home = home_of(registry, repository);
  host& where = home ? host_for(*home) : host_for(registry);
  std::string local_name = home ? home->repository : repository;
  co_return co_await refusal_by(where, std::move(registry), std::move(repository), std::move(local_name), std::move(what),
                                std::move(reply));
}

task<failure> registry_client::refusal_by(host& where, std::string registry, std::string repository, std::string local_name,
                                          std::string what, http::exchange reply) {
  const std::string name = repository.empty() ? registry : registry + "/" + repository;
  const http::response_head head = reply.head();
  const result<std::string> body = co_await reply.read_all(error_body_limit);
  const std::string text = body ? *body : std::string();
  failure said = status_failure(what, head, text, std::chrono::system_clock::now());
  const std::string& words = said.text.server_message();
  // "Come back later" in other words than 429.
  if (said.retry_after && said.code == errc::server_error) said.code = make_error_code(errc::rate_limited);
  // What Go's servers say, and nginx.
  const bool wants_tls = text.find("HTTP request to an HTTPS server") != std::string::npos ||
                         text.find("plain HTTP request was sent to HTTPS port") != std::string::npos;
  if (head.status == 400 && wants_tls) {
    co_return failure(errc::tls_expected, fmt::format("{} speaks TLS and was asked in clear text; leave out --plain-http", where.registry),
                      words);
  }
  // What nginx says; TLS itself went well.
  if (head.status == 400 && text.find("No required SSL certificate was sent") != std::string::npos) {
    co_return net::client_certificate_wanted(where.registry);
  }
  std::string message;
  if (said.code == errc::unauthorized) {
    message = fmt::format(
        "{} does not exist or needs access: {} refused the request, made {}; log in with 'gantry login {}', or give --username "
        "and --password-stdin",
        name, where.registry, where.auth.identity(local_name), where.registry);
  } else if (said.code == errc::forbidden) {
    message =
        fmt::format("{} may not be read: {} forbids it to the request, made {}", name, where.registry, where.auth.identity(local_name));
  } else if (said.code == errc::rate_limited) {
    message = said.retry_after
                  ? fmt::format("{} limits the rate of requests and asks to come back {} (asked {})", where.registry,
                                http::describe_wait(*said.retry_after, std::chrono::system_clock::now()), where.auth.identity(local_name))
                  : fmt::format("{} limits the rate of requests (asked {})", where.registry, where.auth.identity(local_name));
  } else {
    co_return said;
  }
  failure explained(said.code, std::move(message), words);
  explained.retry_after = said.retry_after;
  co_return explained;
}

task<> registry_client::warm_up(std::string registry, unsigned connections, runtime::stop_source& stop) {
  // One that was passed over for a mirror is not asked either.
  const auto known = hosts_.find(registry);
  if (known == hosts_.end() || !known->second->answered) co_return;
  const host& where = *known->second;
  if (where.scheme.empty()) co_return;
  const auto api = http::endpoint_of(where.address, where.scheme);
  if (!api) co_return;
  const http::origin origin = *api;
  runtime::task_group opening(co_await boost::asio::this_coro::executor);
  for (unsigned i = 0; i < connections; ++i) opening.spawn(http_.warm_up(origin, stop));
  co_await opening.join();
}

task<result<ping>> registry_client::get_base(std::string registry, runtime::stop_source& stop) {
  host& where = host_for(registry);
  api_call asking;
  asking.registry = registry;
  asking.message.target.target = "/v2/";
  if (const auto itself = home_of(registry, asking.repository)) add_fields(*itself, asking.message);
  auto sending = co_await send(where, std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  if (reply.head().status == 404) {
    co_return failure(errc::not_found, fmt::format("{} is no registry of the kind that gantry speaks to: it has no /v2/", registry));
  }
  const std::string all;
  if (reply.head().status != 200) co_return co_await refusal(registry, all, fmt::format("{} at /v2/", registry), std::move(reply));
  const result<std::string> body = co_await reply.read_all(error_body_limit);
  if (!body && body.error().code == errc::cancelled) co_return body.error();
  ping seen;
  seen.endpoint = fmt::format("{}://{}", where.scheme, where.address);
  if (where.auth.was_asked()) {
    const result<std::optional<credential>> known = co_await where.auth.find_credential(all);
    seen.authenticated = known && known->has_value();
  }
  co_return seen;
}

task<result<std::vector<endpoint_view>>> registry_client::view(reference image) {
  // Whether by tag or by digest: both kinds of places are of interest.
  result<std::vector<site>> found = sites(image, true);
  if (!found) co_return found.error();
  std::vector<endpoint_view> seen;
  for (const site& one : *found) {
    auto view = co_await view_of(one);
    if (!view) co_return view.error();
    seen.push_back(std::move(*view));
  }
  co_return seen;
}

task<result<endpoint_view>> registry_client::view_of(site at) {
  const reference& image = at.image;
  host& where = host_for(at.how);
  const result<std::optional<credential>> known = co_await where.auth.find_credential(image.repository());
  if (!known) co_return known.error();
  const std::string scheme = where.scheme.empty() ? "https" : where.scheme;
  const auto api = http::endpoint_of(where.address, scheme);
  if (!api) co_return api.error();
  endpoint_view seen;
  seen.origin = *api;
  seen.may_fall_back = where.scheme.empty();
  seen.user = *known;
  seen.absence = where.auth.absence(image.repository());
  result<net::endpoint> route = http_.route_to(*api);
  if (!route) co_return route.error();
  seen.route = std::move(*route);
  seen.how = at.how;
  co_return seen;
}

task<result<document>> registry_client::get_manifest(reference image, runtime::stop_source& stop) {
  const result<std::vector<site>> found = sites(image, static_cast<bool>(image.digest()));
  if (!found) co_return found.error();
  const auto now = std::chrono::steady_clock::now();
  for (const site& one : *found) {
    if (one.how.is_mirror && !one.record->usable(now)) continue;
    auto got = co_await get_manifest_at(one, stop);
    if (got || !one.how.is_mirror || stop.stop_requested()) co_return got;
    note_failure(one, got.error());
    const error_code code = got.error().code;
    if (code == condition::integrity) {
      one.record->drop();
      if (settings_.warn) {
        settings_.warn(
            fmt::format("the mirror {} sends wrong content and is not asked any more: {}", one.how.registry, got.error().text.message()));
      }
    } else if (code == condition::retryable || code == condition::failed) {
      one.record->failed(std::chrono::steady_clock::now(), got.error().retry_after.value_or(std::chrono::seconds(0)));
    }
  }
  co_return failure(errc::internal_error, "no place to ask");
}

task<result<document>> registry_client::get_manifest_at(site at, runtime::stop_source& stop) {
  const reference& image = at.image;
  host& where = host_for(at.how);
  api_call asking = pull_call(at);
  asking.message.target.target = target_of(at.how, image.repository(), "manifests", image.manifest_reference());
  asking.message.set("Accept", std::string(model::manifest_accept()));
  auto sending = co_await send(where, std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  if (reply.head().status == 404) {
    failure said = co_await refusal_at(at, fmt::format("{} was not found", image.string()), std::move(reply));
    co_return failure(
        errc::not_found,
        fmt::format("{} was not found; check the spelling of repository and {}", image.string(), image.digest() ? "digest" : "tag"),
        said.text.server_message());
  }
  if (reply.head().status != 200) co_return co_await refusal_at(at, fmt::format("the manifest of {}", image.string()), std::move(reply));

  const std::string* type = reply.head().find("Content-Type");
  const std::string* announced = reply.head().find("Docker-Content-Digest");
  document found;
  if (type != nullptr) found.top.media_type = model::bare_media_type(*type);
  const std::string claim = announced != nullptr ? *announced : std::string();
  result<std::string> body = co_await reply.read_all(model::document_limit);
  if (!body) co_return body.error();
  found.bytes = std::move(*body);
  found.top.size = found.bytes.size();

  const digest_algorithm algorithm = image.digest() ? image.digest().algorithm() : digest_algorithm::sha256;
  found.top.digest = model::digest_of(found.bytes, algorithm);
  if (image.digest() && found.top.digest != image.digest()) {
    co_return failure(errc::digest_mismatch, fmt::format("the manifest that {} sent for {} has the digest {}, not the one asked for",
                                                         where.registry, image.string(), found.top.digest.string()));
  }
  if (!claim.empty() && !image.digest()) {
    error_code unknown;
    const digest said = digest::parse(claim, unknown);
    if (unknown)
      co_return failure(errc::digest_mismatch,
                        fmt::format("{} announces a digest for {} that cannot be checked", where.registry, image.string()));
    const digest computed =
        said.algorithm() == found.top.digest.algorithm() ? found.top.digest : model::digest_of(found.bytes, said.algorithm());
    if (said != computed) {
      co_return failure(errc::digest_mismatch, fmt::format("{} announces the digest {} for {}, and the manifest it sent has {}",
                                                           where.registry, said.string(), image.string(), computed.string()));
    }
    found.top.digest = said;
  }
  co_return found;
}

task<result<http::exchange>> registry_client::get_blob(site at, gantry::digest blob, std::optional<http::byte_range> range,
                                                       runtime::stop_source& stop, std::optional<http::url>* elsewhere) {
  const reference& image = at.image;
  host& where = host_for(at.how);
  api_call asking = pull_call(at);
  asking.message.target.target = target_of(at.how, image.repository(), "blobs", blob.string());
  if (range) asking.message.set("Range", range->header_value());
  auto sending = co_await send(where, std::move(asking), stop, elsewhere);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  if (status == 200 || status == 206) co_return reply;
  const bool by_storage = elsewhere != nullptr && elsewhere->has_value();
  if (by_storage && (status == 400 || status == 401 || status == 403 || status == 404 || status == 410)) {
    // Not the registry's word on the user's rights: an address that the registry gave does not work, and another one may.
    co_return failure(errc::server_error,
                      fmt::format("{}, where {} keeps blob {}, refuses the address that it was asked with: {}",
                                  (*elsewhere)->origin.string(), where.registry, blob.short_form(), http::describe_status(status)));
  }
  co_return co_await blob_refusal(std::move(at), blob, std::move(reply));
}

task<failure> registry_client::blob_refusal(site at, gantry::digest blob, http::exchange reply) {
  const reference& image = at.image;
  std::string what = fmt::format("blob {} of {}", blob.short_form(), image.name());
  co_return co_await refusal_at(std::move(at), std::move(what), std::move(reply));
}

task<failure> registry_client::refusal_at(site at, std::string what, http::exchange reply) {
  const reference& image = at.image;
  co_return co_await refusal_by(host_for(at.how), image.registry(), image.repository(), image.repository(), std::move(what),
                                std::move(reply));
}

task<result<http::exchange>> registry_client::get_direct(http::url where, std::optional<http::byte_range> range,
                                                         runtime::stop_source& stop) {
  http::request asking;
  asking.target = std::move(where);
  if (range) asking.set("Range", range->header_value());
  co_return co_await http_.send(std::move(asking), stop);
}

task<result<http::exchange>> registry_client::get_foreign(site at, std::string address, std::optional<http::byte_range> range,
                                                          runtime::stop_source& stop, http::url& served_at) {
  host& where = host_for(at.how);
  const auto api = http::endpoint_of(where.address, where.scheme.empty() ? "https" : where.scheme);
  if (!api) co_return api.error();
  const result<http::url> target = http::url::parse(address);
  if (!target) co_return target.error();
  const result<void> allowed = http::allow(http::url_channel::foreign_layer, *api, *target);
  if (!allowed) co_return allowed.error();
  http::request asking;
  asking.target = *target;
  if (range) asking.set("Range", range->header_value());
  http::request sent = asking;
  auto reply = co_await http_.send(std::move(asking), stop);
  if (!reply) co_return reply.error();
  auto answer = co_await follow(sent, std::move(*reply), http::url_channel::foreign_layer, nullptr, stop);
  if (answer) served_at = sent.target;
  co_return answer;
}

task<result<std::string>> registry_client::read_blob(reference image, descriptor blob, runtime::stop_source& stop) {
  const result<std::vector<site>> found = sites(image, true);
  if (!found) co_return found.error();
  const auto now = std::chrono::steady_clock::now();
  for (const site& one : *found) {
    if (one.how.is_mirror && !one.record->usable(now)) continue;
    auto got = co_await read_blob_at(one, blob, stop);
    if (got || !one.how.is_mirror || stop.stop_requested()) co_return got;
    note_failure(one, got.error());
    if (got.error().code == condition::integrity) one.record->drop();
  }
  co_return failure(errc::internal_error, "no place to ask");
}

task<result<std::string>> registry_client::read_blob_at(site at, descriptor blob, runtime::stop_source& stop) {
  const reference& image = at.image;
  if (blob.size > model::document_limit) {
    co_return failure(errc::limit_exceeded, fmt::format("blob {} of {} has {} bytes; a document of more than {} is not accepted",
                                                        blob.digest.short_form(), image.name(), blob.size, model::document_limit));
  }
  auto reply = co_await get_blob(at, blob.digest, std::nullopt, stop);
  if (!reply) co_return reply.error();
  result<std::string> bytes = co_await reply->read_all(model::document_limit);
  if (!bytes) co_return bytes.error();
  if (bytes->size() != blob.size) {
    co_return failure(errc::size_mismatch, fmt::format("blob {} of {} has {} bytes, and its descriptor says {}", blob.digest.short_form(),
                                                       image.name(), bytes->size(), blob.size));
  }
  if (model::digest_of(*bytes, blob.digest.algorithm()) != blob.digest) {
    co_return failure(errc::digest_mismatch,
                      fmt::format("blob {} of {} arrived with another content than its digest says", blob.digest.string(), image.name()));
  }
  co_return bytes;
}

}  // namespace gantry::registry
