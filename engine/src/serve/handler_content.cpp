#include "base/redact.hpp"
#include "serve/conditions.hpp"
#include "serve/handler.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>
#include <variant>
#include <vector>

// The part of handler that gives out manifests and blobs.

namespace gantry::serve {
namespace {

answer unknown_manifest(const route& wanted) {
  return error_answer(
      404, "MANIFEST_UNKNOWN",
      fmt::format("{} has no manifest {}", clean_text(wanted.name, 256), wanted.digest ? wanted.digest.string() : wanted.tag));
}

answer unknown_blob(const route& wanted) {
  return error_answer(404, "BLOB_UNKNOWN", fmt::format("{} has no blob {}", clean_text(wanted.name, 256), wanted.digest.string()));
}

std::string etag_of(const digest& value) { return "\"" + value.string() + "\""; }

/// For who is given what the store knows of a tag, which may be older than what the upstream has (distribution-spec, "Warnings"). Empty
/// when nothing is doubtful.
constexpr std::string_view warning_of(doubt why) noexcept {
  switch (why) {
    case doubt::none:
      return {};
    case doubt::refused:
      return R"(299 - "the upstream registry refuses this repository now; this is what the server has of it")";
    case doubt::unlearnt:
      return R"(299 - "what the upstream registry answers now cannot be used; this is what the server has of it")";
  }
  return {};
}

/// Content never changes under its digest.
constexpr std::string_view forever = "max-age=31536000, immutable";

/// 304 when the client has it already.
std::optional<answer> unchanged(const request_head& request, const digest& value) {
  const std::string* condition = request.find("If-None-Match");
  if (condition == nullptr || !matches_etag(*condition, etag_of(value))) return std::nullopt;
  answer short_one;
  short_one.status = 304;
  short_one.add("ETag", etag_of(value)).add("Docker-Content-Digest", value.string());
  return short_one;
}

/// Fills in status, fields and the part of the blob that \p request asks for.
template <class Part>
answer blob_answer(const request_head& request, const digest& value, Part whole) {
  answer full;
  full.add("Content-Type", "application/octet-stream").add("Docker-Content-Digest", value.string()).add("ETag", etag_of(value));
  full.add("Accept-Ranges", "bytes").add("Cache-Control", std::string(forever));
  const std::uint64_t size = whole.length;
  const std::string* range = request.method == "GET" ? request.find("Range") : nullptr;
  const std::string* only_if = request.find("If-Range");
  if (range != nullptr && (only_if == nullptr || *only_if == etag_of(value))) {
    const auto chosen = choose_range(*range, size);
    if (std::holds_alternative<unsatisfiable>(chosen)) {
      answer refused = error_answer(416, "RANGE_INVALID", fmt::format("the blob has {} bytes", size));
      refused.add("Content-Range", fmt::format("bytes */{}", size));
      return refused;
    }
    if (const auto* part = std::get_if<http::byte_range>(&chosen)) {
      full.status = 206;
      full.add("Content-Range", fmt::format("bytes {}-{}/{}", part->first, part->last, size));
      whole.offset = part->first;
      whole.length = part->size();
    }
  }
  full.body = std::move(whole);
  return full;
}

}  // namespace

task<> handler::note_use(place where, route wanted) {
  std::vector<reference> names;
  if (wanted.digest) {
    if (where.held) names = where.names->names_of(*where.held, wanted.digest);
  } else {
    names.push_back(name_of(where.above ? *where.above : *where.held, wanted.tag, wanted.digest));
  }
  co_await content_.note_use(std::move(names));
}

task<result<std::optional<held_document>>> handler::read_fetched(upstream_manifest fetched) {
  if (fetched.bytes) co_return std::optional(held_document{fetched.top.media_type, fetched.top.digest, std::move(*fetched.bytes)});
  co_return co_await content_.by_digest(fetched.top.digest, fetched.top.media_type);
}

task<answer> handler::manifest(route wanted, const request_head& request, runtime::stop_source& stop) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);

  std::string declared;
  if (where->held && wanted.digest) {
    const descriptor* known = where->names->document(*where->held, wanted.digest);
    if (known != nullptr) declared = known->media_type;
  }
  std::string_view doubtful;
  result<std::optional<held_document>> found = std::optional<held_document>();
  if (wanted.digest) {
    found = co_await content_.by_digest(wanted.digest, declared);
    if (!found && found.error().code == errc::digest_mismatch && where->above) {
      // Told, and fetched anew below.
      if (trouble_) trouble_(found.error().text.message());
      found = std::optional<held_document>();
    }
    if (!found) co_return failed(found.error());
    const bool named = where->held && !where->names->names_of(*where->held, wanted.digest).empty();
    if (*found && where->above && !named) {
      descriptor document;
      document.media_type = (*found)->media_type;
      document.digest = wanted.digest;
      document.size = (*found)->bytes.size();
      const reference name = name_of(*where->above, {}, wanted.digest);
      // Of a repository without any name nobody can have it, as without an upstream.
      if (name.empty()) co_return unknown_manifest(wanted);
      const bool there = co_await source_->note_held(name, std::move(document), stop);
      if (!there && !where->held) co_return unknown_manifest(wanted);
    }
  }
  if (!*found && where->above) {
    const reference name = name_of(*where->above, wanted.tag, wanted.digest);
    if (!name.empty()) {
      const auto fetched = co_await source_->manifest(name, stop);
      if (!fetched && fetched.error().code != errc::not_found) co_return refused_above(fetched.error(), stop);
      if (fetched) {
        doubtful = warning_of(fetched->doubted);
        found = co_await read_fetched(*fetched);
        if (!found && found.error().code == errc::digest_mismatch && !wanted.digest) {
          // What a tag leads to was not fetched, since the store has it: now it is.
          if (trouble_) trouble_(found.error().text.message());
          const reference pinned = name_of(*where->above, {}, fetched->top.digest);
          const auto anew = co_await source_->manifest(pinned, stop);
          if (!anew) co_return refused_above(anew.error(), stop);
          found = co_await read_fetched(*anew);
        }
        if (!found) co_return failed(found.error());
      }
    }
  }
  if (!*found && !wanted.digest && !where->above) {
    const reference name = name_of(*where->held, wanted.tag, wanted.digest);
    if (!name.empty()) found = co_await content_.by_tag(name);
    if (!found) co_return failed(found.error());
  }
  if (!*found) co_return unknown_manifest(wanted);
  co_await note_use(*where, wanted);

  held_document document = std::move(**found);
  if (auto same = unchanged(request, document.digest)) co_return std::move(*same);
  answer full;
  full.add("Content-Type", document.media_type)
      .add("Docker-Content-Digest", document.digest.string())
      .add("ETag", etag_of(document.digest));
  if (wanted.digest) full.add("Cache-Control", std::string(forever));
  if (!doubtful.empty()) full.add("Warning", std::string(doubtful));
  full.body = std::move(document.bytes);
  co_return full;
}

task<answer> handler::blob(route wanted, const request_head& request, runtime::stop_source& stop) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);
  if (auto same = unchanged(request, wanted.digest)) co_return std::move(*same);

  auto held = co_await content_.blob(wanted.digest);
  if (!held) co_return failed(held.error());
  if (*held == nullptr && where->above) {
    const reference name = name_of(*where->above, {}, wanted.digest);
    if (name.empty()) co_return unknown_blob(wanted);
    if (request.method == "HEAD") {
      const auto size = co_await source_->blob_size(name, wanted.digest, stop);
      if (!size && size.error().code == errc::not_found) co_return unknown_blob(wanted);
      if (!size) co_return refused_above(size.error(), stop);
      arriving_part nothing;
      nothing.length = *size;
      co_return blob_answer(request, wanted.digest, std::move(nothing));
    }
    auto feed = co_await source_->blob(name, wanted.digest, stop);
    if (!feed && feed.error().code == errc::not_found) co_return unknown_blob(wanted);
    if (!feed) co_return refused_above(feed.error(), stop);
    if (*feed != nullptr) {
      // A status that was sent cannot be taken back. Of a small blob nothing may be given out before all of it was verified.
      arriving_part whole;
      whole.blob = std::move(*feed);
      whole.length = whole.blob->size();
      if (whole.length != 0) {
        const auto begun = co_await whole.blob->available(0, stop);
        if (!begun && begun.error().code == errc::not_found) co_return unknown_blob(wanted);
        if (!begun) co_return refused_above(begun.error(), stop);
      }
      co_return blob_answer(request, wanted.digest, std::move(whole));
    }
    held = co_await content_.blob(wanted.digest);
    if (!held) co_return failed(held.error());
  }
  if (*held == nullptr) co_return unknown_blob(wanted);
  if (where->above && request.method != "HEAD") {
    const reference name = name_of(*where->above, {}, wanted.digest);
    if (!name.empty()) source_->note_taken(name, wanted.digest);
  }
  stored_part whole;
  whole.blob = std::move(*held);
  whole.length = whole.blob->size();
  co_return blob_answer(request, wanted.digest, std::move(whole));
}

}  // namespace gantry::serve
