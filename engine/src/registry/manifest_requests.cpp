#include "registry/manifest_requests.hpp"

#include "model/media_type.hpp"
#include "registry/ask_sites.hpp"
#include "registry/registry_error.hpp"
#include "registry/scope.hpp"
#include "registry/status.hpp"

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <utility>
#include <vector>

namespace gantry::registry {
namespace {

api_call manifest_call(const reference& image, http::method verb, const std::vector<std::string>& actions) {
  api_call made;
  made.registry = image.registry();
  made.repository = image.repository();
  made.scope = repository_scope(image.repository(), actions);
  made.message.verb = verb;
  made.path = "manifests/" + image.manifest_reference();
  return made;
}

failure no_such_manifest(const reference& image, const failure& said) {
  return {errc::not_found,
          fmt::format("{} was not found; check the spelling of repository and {}", image.string(), image.digest() ? "digest" : "tag"),
          said.text.server_message()};
}

/// What the answer to HEAD says; nothing when it names no digest that can be used.
result<std::optional<descriptor>> announced_manifest(const site& at, const http::response_head& head) {
  const reference& image = at.image;
  const std::string* digest_text = head.find("Docker-Content-Digest");
  const std::string* type = head.find("Content-Type");
  if (digest_text == nullptr || type == nullptr || !head.announces_length) return std::optional<descriptor>();
  error_code unknown;
  descriptor found;
  found.digest = digest::parse(*digest_text, unknown);
  if (unknown) return std::optional<descriptor>();
  if (image.digest() && found.digest != image.digest()) {
    return failure(errc::digest_mismatch,
                   fmt::format("{} announces the digest {} for {}", image.registry(), found.digest.string(), image.string()));
  }
  found.media_type = model::bare_media_type(*type);
  found.size = head.announced_content_length;
  return std::optional<descriptor>(std::move(found));
}

task<result<std::optional<descriptor>>> head_manifest_at(registry_client& from, site at, runtime::stop_source& stop) {
  api_call asking;
  asking.path = "manifests/" + at.image.manifest_reference();
  asking.message.verb = http::method::head;
  asking.message.how.repeat_after = document_patience;
  asking.message.set("Accept", std::string(model::manifest_accept()));
  auto sending = co_await from.call_at(at, std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  if (status != 200) {
    // Some registries answer HEAD with 405, or with 401 where GET is allowed: GET has the last word.
    if (status == 405 || status == 400 || status == 401 || status == 403) co_return std::optional<descriptor>();
    failure said = co_await from.refusal_at(at, fmt::format("the manifest of {}", at.image.string()), std::move(reply));
    if (status == 404) co_return no_such_manifest(at.image, said);
    co_return said;
  }
  co_return announced_manifest(at, reply.head());
}

/// Of a mirror the last word is wanted at once, since its refusal passes the question on.
task<result<std::optional<descriptor>>> settle_manifest_at(registry_client& from, site at, runtime::stop_source& stop) {
  auto said = co_await head_manifest_at(from, at, stop);
  if (!said || *said || !at.how.is_mirror) co_return said;
  auto whole = co_await from.get_manifest_at(at, stop);
  if (!whole) co_return whole.error();
  co_return std::optional<descriptor>(std::move(whole->top));
}

}  // namespace

task<result<std::optional<descriptor>>> head_manifest(registry_client& from, reference image, runtime::stop_source& stop, precedence whom) {
  using answer = std::optional<descriptor>;
  std::function<task<result<answer>>(site)> ask = [&from, &stop](site at) { return settle_manifest_at(from, std::move(at), stop); };
  co_return co_await ask_sites<answer>(from, std::move(image), whom, std::move(ask), stop);
}

task<result<stored_manifest>> put_manifest(registry_client& to, reference image, descriptor manifest, std::string bytes,
                                           runtime::stop_source& stop) {
  std::vector<std::string> actions;
  actions.emplace_back("pull");
  actions.emplace_back("push");
  api_call asking = manifest_call(image, http::method::put, actions);
  asking.message.set("Content-Type", manifest.media_type);
  asking.message.body = std::move(bytes);
  auto sending = co_await to.call(std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  if (reply.head().status != 201 && reply.head().status != 200 && reply.head().status != 202) {
    const unsigned status = reply.head().status;
    failure said = co_await to.refusal(image.registry(), image.repository(), fmt::format("writing the manifest of {}", image.string()),
                                       std::move(reply));
    co_return refused_writing(std::move(said), status);
  }
  const std::string* const said = reply.head().find("Docker-Content-Digest");
  error_code unknown;
  const digest stored = said == nullptr ? digest() : digest::parse(*said, unknown);
  if (stored && !unknown && stored.algorithm() == manifest.digest.algorithm() && stored != manifest.digest) {
    co_return failure(errc::digest_mismatch, fmt::format("{} was given the manifest {} of {} and says that it has stored {}",
                                                         image.registry(), manifest.digest.string(), image.string(), stored.string()));
  }
  stored_manifest done;
  if (const std::string* const subject = reply.head().find("OCI-Subject")) {
    error_code wrong;
    const digest named = digest::parse(*subject, wrong);
    if (!wrong) done.subject = named;
  }
  const result<std::string> unread = co_await reply.read_all(error_body_limit);
  if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
  co_return done;
}

task<result<void>> delete_manifest(registry_client& from, reference image, runtime::stop_source& stop) {
  std::vector<std::string> actions;
  actions.emplace_back("delete");
  actions.emplace_back("pull");
  api_call asking = manifest_call(image, http::method::delete_, actions);
  auto sending = co_await from.call(std::move(asking), stop);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  if (status == 202 || status == 200 || status == 204) {
    const result<std::string> unread = co_await reply.read_all(error_body_limit);
    if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    co_return result<void>();
  }
  failure said = co_await from.refusal(image.registry(), image.repository(), fmt::format("deleting {}", image.string()), std::move(reply));
  const bool by_tag = !image.digest();
  if (status == 404) co_return no_such_manifest(image, said);
  const std::string enable = "(docker-registry: REGISTRY_STORAGE_DELETE_ENABLED=true)";
  // docker-registry 2.8 takes every reference for a digest, and says 400 to a tag; 405, to both, where deletion is disabled.
  if (by_tag && status == 400) {
    co_return failure(errc::unexpected_status,
                      fmt::format("{} does not delete by tag; delete the digest, which removes every tag that names it", image.registry()),
                      said.text.server_message());
  }
  // A registry that takes nothing at all says so in words; who runs it has nothing to enable.
  if (status == 405 && said.text.server_message().find("read-only") != std::string::npos) {
    co_return failure(errc::unexpected_status, fmt::format("{} is read-only: nothing is deleted there", image.registry()),
                      said.text.server_message());
  }
  if (by_tag && status == 405) {
    co_return failure(errc::unexpected_status,
                      fmt::format("{} does not delete by tag; either its operator has to enable deletion {}, or it deletes digests alone",
                                  image.registry(), enable),
                      said.text.server_message());
  }
  if (status == 405) {
    co_return failure(errc::unexpected_status,
                      fmt::format("{} does not allow deletion; its operator has to enable it {}", image.registry(), enable),
                      said.text.server_message());
  }
  co_return said;
}

}  // namespace gantry::registry
