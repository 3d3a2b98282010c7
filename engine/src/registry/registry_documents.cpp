// Manifests and small blobs, read whole.
#include "base/redact.hpp"
#include "model/digester.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "registry/ask_sites.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::registry {

task<result<document>> registry_client::get_manifest(reference image, runtime::stop_source& stop, precedence whom) {
  std::function<task<result<document>>(site)> ask = [this, &stop](site at) { return get_manifest_at(std::move(at), stop); };
  co_return co_await ask_sites<document>(*this, std::move(image), whom, std::move(ask), stop);
}

task<result<document>> registry_client::get_manifest_at(site at, runtime::stop_source& stop) {
  const reference& image = at.image;
  const host& where = host_for(at.how);
  api_call asking;
  asking.path = "manifests/" + image.manifest_reference();
  asking.message.how.repeat_after = document_patience;
  asking.message.set("Accept", std::string(model::manifest_accept()));
  auto sending = co_await call_at(at, std::move(asking), stop);
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

  // A page of a portal or of a login answers with 200, too, and a tag says nothing of what it stands for.
  const std::size_t begin = found.bytes.find_first_not_of(" \t\r\n");
  if (!image.digest() && (begin == std::string::npos || found.bytes[begin] != '{')) {
    co_return failure(errc::malformed_document,
                      fmt::format("the manifest of {} is not valid JSON: {} answered with {}", image.string(), where.registry,
                                  type == nullptr || type->empty() ? std::string("something else") : clean_text(*type, 64)));
  }

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

task<result<std::string>> registry_client::read_blob(reference image, descriptor blob, runtime::stop_source& stop) {
  std::function<task<result<std::string>>(site)> ask = [this, &stop, blob](site at) { return read_blob_at(std::move(at), blob, stop); };
  reference by_digest = image.with_digest(blob.digest);
  co_return co_await ask_sites<std::string>(*this, std::move(by_digest), precedence::mirrors_first, std::move(ask), stop);
}

task<result<std::string>> registry_client::read_blob_at(site at, descriptor blob, runtime::stop_source& stop) {
  const reference& image = at.image;
  if (blob.size > model::document_limit) {
    co_return failure(errc::limit_exceeded, fmt::format("blob {} of {} has {} bytes; a document of more than {} is not accepted",
                                                        blob.digest.short_form(), image.name(), blob.size, model::document_limit));
  }
  blob_request whole;
  whole.how.repeat_after = document_patience;
  auto reply = co_await get_blob(at, blob.digest, whole, stop);
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
