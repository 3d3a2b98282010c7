#include "registry/referrers.hpp"

#include "http/redirect.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/ask_sites.hpp"
#include "registry/registry_error.hpp"

#include <fmt/format.h>

#include <functional>
#include <utility>
#include <variant>

namespace gantry::registry {

namespace {

/// Whether an answer without a list is about the API: one that has it may refuse a repository or a manifest that it does not know.
bool tells_of_api(std::string_view body) {
  const registry_error said = parse_registry_error(body);
  for (const char* const code : {"NAME_UNKNOWN", "NAME_INVALID", "MANIFEST_UNKNOWN", "MANIFEST_INVALID", "DIGEST_INVALID", "DENIED"}) {
    if (said.has(code)) return false;
  }
  return true;
}

task<result<referrer_page>> list_referrers_at(registry_client& from, site at, digest subject, std::string target,
                                              runtime::stop_source& stop) {
  const std::string what = fmt::format("the referrers of {} in {}", subject.short_form(), at.image.name());
  api_call asking;
  asking.message.set("Accept", std::string(model::media_type::oci_index));
  asking.message.how.repeat_after = document_patience;
  if (target.empty()) asking.path = "referrers/" + subject.string();
  asking.message.target.target = std::move(target);
  http::url asked;
  auto sending = co_await from.call_at(at, std::move(asking), stop, &asked);
  if (!sending) co_return sending.error();
  http::exchange reply = std::move(*sending);
  const unsigned status = reply.head().status;
  referrer_page found;
  found.by = at;
  // Registries without it answer in several ways.
  if (status == 404 || status == 400 || status == 405 || status == 501) {
    const result<std::string> unread = co_await reply.read_all(error_body_limit);
    if (!unread && unread.error().code == errc::cancelled) co_return unread.error();
    if (unread && !at.how.is_mirror) found.no_api = tells_of_api(*unread);
    co_return found;
  }
  if (status != 200) co_return co_await from.refusal_at(at, what, std::move(reply));
  const auto next = http::next_page(asked, reply.head());
  if (!next) co_return next.error();
  const result<std::string> body = co_await reply.read_all(model::document_limit);
  if (!body) co_return body.error();
  auto parsed = model::parse_document(*body, model::media_type::oci_index, what);
  if (!parsed) co_return parsed.error();
  auto* const content = std::get_if<model::index>(&*parsed);
  if (content == nullptr) co_return failure(errc::malformed_document, fmt::format("{} are no index", what));
  found.known = true;
  found.manifests = std::move(content->manifests);
  if (*next) found.next = (*next)->target;
  co_return found;
}

}  // namespace

task<result<referrer_page>> list_referrers(registry_client& from, reference repository, digest subject, referrer_page before,
                                           runtime::stop_source& stop, precedence whom) {
  if (before.by) co_return co_await list_referrers_at(from, std::move(*before.by), subject, std::move(before.next), stop);
  std::function<task<result<referrer_page>>(site)> ask = [&from, &stop, subject](site at) {
    return list_referrers_at(from, std::move(at), subject, std::string(), stop);
  };
  reference name = repository.with_digest(subject);
  co_return co_await ask_sites<referrer_page>(from, std::move(name), whom, std::move(ask), stop);
}

std::optional<descriptor> referrer_of(const descriptor& manifest, std::string_view bytes, digest& subject) {
  auto parsed = model::parse_document(bytes, manifest.media_type);
  if (!parsed) return std::nullopt;
  descriptor entry;
  entry.media_type = manifest.media_type;
  entry.digest = manifest.digest;
  entry.size = manifest.size;
  if (auto* content = std::get_if<model::manifest>(&*parsed)) {
    if (!content->subject) return std::nullopt;
    subject = content->subject->digest;
    entry.artifact_type = content->artifact_type.empty() ? content->config.media_type : content->artifact_type;
    entry.annotations = std::move(content->annotations);
    return entry;
  }
  auto& content = std::get<model::index>(*parsed);
  if (!content.subject) return std::nullopt;
  subject = content.subject->digest;
  entry.artifact_type = content.artifact_type;
  entry.annotations = std::move(content.annotations);
  return entry;
}

}  // namespace gantry::registry
