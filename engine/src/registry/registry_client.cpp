#include "registry/registry_client.hpp"

#include "http/origin_policy.hpp"
#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/escape.hpp"
#include "registry/registry_error.hpp"
#include "registry/registry_host.hpp"
#include "registry/scope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::registry {

std::string api_address(const std::string& registry) { return registry == "docker.io" ? "registry-1.docker.io" : registry; }

namespace {

/// The path of a request below a repository.
std::string target_of(const site& at, std::string_view path) {
  return with_name_space(at.how, fmt::format("{}/{}/{}", at.how.api, at.image.repository(), path));
}

/// What the host's configuration wants every request to this place to carry.
void add_fields(const config::endpoint& at, http::request& message) {
  for (const auto& [name, value] : at.headers) message.headers.push_back(http::header{name, value, true});
}

void aim(const site& at, api_call& asking) {
  asking.registry = at.image.registry();
  asking.repository = at.image.repository();
  add_fields(at.how, asking.message);
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

/// What tells places of one name apart: nothing that was learnt of one, the scheme, a token, a failure, holds for another.
std::string key_of(const config::endpoint& at, const std::string& scheme) {
  std::string key = fmt::format("{}\n{}\n{}{}", at.registry, scheme, at.insecure ? "insecure" : "", at.is_mirror ? " mirror" : "");
  for (const std::filesystem::path& one : at.authorities) key += "\nca " + one.string();
  if (at.client) key += fmt::format("\nclient {}\n{}", at.client->first.string(), at.client->second.string());
  return key;
}

/// The rules of TLS that come with \p at, for its own address alone.
std::shared_ptr<const http::trust> trust_of(const config::endpoint& at, const http::origin& api) {
  if (!at.insecure && at.authorities.empty() && !at.client) return nullptr;
  auto said = std::make_shared<http::trust>();
  said->authority = api.authority();
  said->unverified = at.insecure && !at.plain_http;
  said->authorities = at.authorities;
  if (at.client) said->shown = net::client_certificate{at.client->first, at.client->second};
  return said;
}

void put(const blob_request& part, http::request& asking) {
  if (part.range) asking.set("Range", part.range->header_value());
  asking.how = part.how;
}

void tell_status(const blob_request& part, const result<http::exchange>& reply) {
  if (part.answered_with != nullptr) *part.answered_with = reply ? reply->head().status : 0;
}

}  // namespace

registry_client::registry_client(http::client& http, runtime::lanes& workers, registry_settings settings)
    : http_(http), workers_(workers), settings_(std::move(settings)) {}

registry_client::~registry_client() = default;

bool registry_client::is_here(const std::string& registry) const {
  const auto origin = http::endpoint_of(registry, "http");
  return origin && http_.stays_here(*origin);
}

registry_client::host& registry_client::host_for(const config::endpoint& at) {
  const std::string& registry = at.registry;
  // An option that names this very registry outweighs what is written elsewhere.
  const bool named = settings_.plain_http.contains(registry);
  const bool allowed = named || settings_.plain_http.contains("*");
  const bool tls_only = at.tls_only || settings_.tls_only.contains(registry);
  const bool plain = named || at.plain_http || (allowed && !tls_only);
  const bool either = (at.insecure || is_here(registry)) && !tls_only;
  std::string scheme = plain ? "http" : either ? "" : "https";
  std::unique_ptr<host>& slot = hosts_[key_of(at, scheme)];
  if (!slot) {
    std::string address = api_address(registry);
    const auto api = http::endpoint_of(address, "https");
    if (api && settings_.on_endpoint) settings_.on_endpoint(at, *api);
    auto trusting = api ? trust_of(at, *api) : nullptr;
    authenticator::settings identity{registry, settings_.credentials, allowed, !at.is_mirror && !at.moved, trusting};
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
    std::string written = at.plain_http ? at.source : std::string();
    std::string promised = at.tls_only && !plain ? at.source : std::string();
    slot.reset(new host{registry, std::move(address), std::move(scheme), std::move(written), std::move(promised), std::move(trusting),
                        authenticator(http_, workers_, std::move(identity)), std::move(record), false, false, false, false});
    slot->base = at.api + "/";
  }
  return *slot;
}

registry_client::host& registry_client::host_for(const std::string& registry) {
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
    // Several places of one address: what was measured counts, else what was known before.
    if (where->record->rate() > 0) hint.rate = static_cast<std::uint64_t>(where->record->rate());
    hint.ranges = hint.ranges || where->record->ranges;
    hint.counts_pulls = hint.counts_pulls || (where->record->counts_pulls && where->registry != "docker.io");
  }
  const auto now = std::chrono::system_clock::now();
  for (auto& [authority, hint] : all) hint.rests_until = {};
  for (const auto& [authority, wait] : http_.resting()) all[authority].rests_until = std::chrono::ceil<std::chrono::seconds>(now + wait);
  std::erase_if(all, [](const auto& entry) { return entry.second == host_hint(); });
  return all;
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
    const result<std::optional<credential>> known = co_await where.auth.find_credential(all, stop);
    seen.authenticated = known && known->has_value();
  }
  co_return seen;
}

task<result<std::vector<endpoint_view>>> registry_client::view(reference image, runtime::stop_source& stop) {
  // Whether by tag or by digest: both kinds of places are of interest.
  result<std::vector<site>> found = sites(image, true);
  if (!found) co_return found.error();
  std::vector<endpoint_view> seen;
  for (const site& one : *found) {
    auto view = co_await view_of(one, stop);
    if (!view) co_return view.error();
    seen.push_back(std::move(*view));
  }
  co_return seen;
}

task<result<endpoint_view>> registry_client::view_of(site at, runtime::stop_source& stop) {
  const reference& image = at.image;
  host& where = host_for(at.how);
  const result<std::optional<credential>> known = co_await where.auth.find_credential(image.repository(), stop);
  if (!known) co_return known.error();
  const std::string scheme = where.scheme.empty() ? "https" : where.scheme;
  const auto api = http::endpoint_of(where.address, scheme);
  if (!api) co_return api.error();
  endpoint_view seen;
  seen.origin = *api;
  seen.may_fall_back = where.scheme.empty();
  seen.user = *known;
  seen.absence = where.auth.absence(image.repository());
  result<net::endpoint> route = http_.route_to(*api, where.trusting.get());
  if (!route) co_return route.error();
  seen.route = std::move(*route);
  seen.how = at.how;
  co_return seen;
}

task<result<http::exchange>> registry_client::call_at(site at, api_call what, runtime::stop_source& stop, http::url* answered_by) {
  aim(at, what);
  std::string& target = what.message.target.target;
  target = what.path.empty() ? with_name_space(at.how, std::move(target)) : target_of(at, what.path);
  co_return co_await send(host_for(at.how), std::move(what), stop, nullptr, answered_by);
}

task<result<http::exchange>> registry_client::get_blob(site at, gantry::digest blob, blob_request part, runtime::stop_source& stop,
                                                       std::optional<blob_place>* elsewhere) {
  host& where = host_for(at.how);
  api_call asking;
  aim(at, asking);
  asking.message.target.target = target_of(at, "blobs/" + blob.string());
  put(part, asking.message);
  auto sending = co_await send(where, std::move(asking), stop, elsewhere);
  tell_status(part, sending);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  if (status == 200 || status == 206) co_return reply;
  const bool by_storage = elsewhere != nullptr && elsewhere->has_value() && !(*elsewhere)->at_home;
  if (by_storage && (status == 400 || status == 401 || status == 403 || status == 404 || status == 410)) {
    // Not the registry's word on the user's rights: an address that the registry gave does not work, and another one may.
    co_return failure(errc::server_error,
                      fmt::format("{}, where {} keeps blob {}, refuses the address that it was asked with: {}",
                                  (*elsewhere)->where.origin.string(), where.registry, blob.short_form(), http::describe_status(status)));
  }
  co_return co_await blob_refusal(std::move(at), blob, part, std::move(reply));
}

task<result<http::exchange>> registry_client::get_direct(site from, blob_place place, blob_request part, runtime::stop_source& stop) {
  if (place.authorised) {
    api_call again;
    aim(from, again);
    again.message.target.target = std::move(place.where.target);
    put(part, again.message);
    auto reply = co_await send(host_for(from.how), std::move(again), stop);
    tell_status(part, reply);
    co_return reply;
  }
  http::request asking;
  asking.target = std::move(place.where);
  put(part, asking);
  const host& giver = host_for(from.how);
  // The address is good for whoever has it, and was given to this user.
  asking.how.user = giver.auth.user_of(from.image.repository());
  asking.trusting = giver.trusting;
  auto reply = co_await http_.send(std::move(asking), stop);
  tell_status(part, reply);
  co_return reply;
}

task<result<http::exchange>> registry_client::get_foreign(site at, std::string address, blob_request part, runtime::stop_source& stop,
                                                          http::url& served_at) {
  host& where = host_for(at.how);
  const auto api = http::endpoint_of(where.address, where.scheme.empty() ? "https" : where.scheme);
  if (!api) co_return api.error();
  const result<http::url> target = http::url::parse(address);
  if (!target) co_return target.error();
  const result<void> allowed = http::allow(http::url_channel::foreign_layer, *api, *target);
  if (!allowed) co_return allowed.error();
  http::request asking;
  asking.target = *target;
  asking.trusting = where.trusting;
  put(part, asking);
  http::request sent = asking;
  auto reply = co_await http_.send(std::move(asking), stop);
  if (!reply) co_return reply.error();
  auto answer = co_await follow(sent, std::move(*reply), http::url_channel::foreign_layer, nullptr, stop);
  tell_status(part, answer);
  if (answer) served_at = sent.target;
  co_return answer;
}

}  // namespace gantry::registry
