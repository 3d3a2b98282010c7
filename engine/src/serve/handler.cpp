#include "serve/handler.hpp"

#include "base/redact.hpp"
#include "model/json_writer.hpp"
#include "model/manifest.hpp"
#include "model/media_type.hpp"
#include "serve/conditions.hpp"
#include "serve/passing_target.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace gantry::serve {
namespace {

/// The reference of a tag or digest in \p where; empty when the grammar takes it for something else.
reference name_of(const repository& where, const std::string& tag, const digest& value) {
  error_code ec;
  std::string text = where.registry + "/" + where.name;
  if (!value && !tag.empty()) text += ":" + tag;
  if (value) text += "@" + value.string();
  reference name = reference::parse(text, ec);
  if (ec || name.registry() != where.registry || name.repository() != where.name) return {};
  return name;
}

answer unknown_name(std::string_view name) {
  return error_answer(404, "NAME_UNKNOWN", fmt::format("the repository {} is not here", clean_text(name, 256)));
}

answer unknown_manifest(const route& wanted) {
  return error_answer(
      404, "MANIFEST_UNKNOWN",
      fmt::format("{} has no manifest {}", clean_text(wanted.name, 256), wanted.digest ? wanted.digest.string() : wanted.tag));
}

answer unknown_blob(const route& wanted) {
  return error_answer(404, "BLOB_UNKNOWN", fmt::format("{} has no blob {}", clean_text(wanted.name, 256), wanted.digest.string()));
}

/// Why the upstream gave nothing, for those who can do nothing about it: names, accounts and advice are for who runs the server.
std::string trouble_above(const failure& why) {
  if (why.code == condition::not_authorised) return "the upstream registry does not let this server have it";
  if (why.code == condition::integrity) return "what the upstream registry gave was damaged";
  if (why.code == condition::retryable) return "the upstream registry cannot be reached or is busy";
  return "the upstream registry did not give it";
}

std::string etag_of(const digest& value) { return "\"" + value.string() + "\""; }

/// For who asks for a tag that the upstream does not let this server look at any more (distribution-spec, "Warnings").
constexpr std::string_view stale_answer = R"(299 - "the upstream registry refuses this repository now; this is what the server has of it")";

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

/// Adds those of \p more that are not in \p list; ordered by digest.
void add_others(std::vector<descriptor>& list, std::vector<descriptor> more) {
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  const auto before = [](const descriptor& a, const descriptor& b) { return a.digest < b.digest; };
  const auto same = [](const descriptor& a, const descriptor& b) { return a.digest == b.digest; };
  std::stable_sort(list.begin(), list.end(), before);
  list.erase(std::unique(list.begin(), list.end(), same), list.end());
}

/// Where the rest of a list is (RFC 8288; distribution-spec, "Listing Tags").
void add_next(answer& list, const std::string& path, const page& cut, const route& wanted) {
  if (!cut.more) return;
  std::string target = fmt::format("{}?last={}&n={}", path, encode_query(cut.names.back()), cut.names.size());
  if (!wanted.ns.empty()) target += "&ns=" + encode_query(wanted.ns);
  list.add("Link", fmt::format("<{}>; rel=\"next\"", target));
}

}  // namespace

task<answer> handler::respond(const request_head& request, runtime::stop_source& stop, std::string& user) {
  if (door_ != nullptr) {
    const std::optional<std::string> admitted = co_await door_->admit(request.find("Authorization"), stop);
    if (!admitted) {
      answer refused = error_answer(401, "UNAUTHORIZED", "authentication required");
      refused.add("WWW-Authenticate", "Basic realm=\"gantry\", charset=\"UTF-8\"");
      co_return refused;
    }
    user = *admitted;
  }
  auto routed = route_request(request.method, request.target);
  if (auto* refused = std::get_if<answer>(&routed)) co_return std::move(*refused);
  route wanted = std::move(std::get<route>(routed));
  switch (wanted.what) {
    case endpoint::ping:
      co_return json_answer("{}");
    case endpoint::catalog:
      co_return co_await catalog(std::move(wanted));
    case endpoint::tags:
      co_return co_await tags(std::move(wanted));
    case endpoint::manifest:
      co_return co_await manifest(std::move(wanted), request, stop);
    case endpoint::blob:
      co_return co_await blob(std::move(wanted), request, stop);
    case endpoint::referrers:
      co_return co_await referrers(std::move(wanted), stop);
  }
  co_return json_answer("{}");
}

answer handler::failed(const failure& why) {
  if (trouble_) trouble_(why.text.message());
  if (why.code == errc::cancelled) return error_answer(503, "UNAVAILABLE", "the server is stopping");
  return error_answer(500, "UNKNOWN", "the store cannot be read");
}

answer handler::refused_above(const failure& why) {
  if (why.code == errc::cancelled) return failed(why);
  // The source has told, and passed on what it could.
  if (cannot_keep(why)) {
    return error_answer(503, "UNAVAILABLE", "this server cannot keep what it would have to fetch for this, and has no room to pass it on");
  }
  if (why.code == condition::storage) return failed(why);
  if (trouble_) trouble_(why.text.message());
  if (why.code == errc::rate_limited) {
    answer later = error_answer(429, "TOOMANYREQUESTS", "the upstream registry limits the rate of requests");
    later.add("Retry-After", std::to_string(why.retry_after.value_or(std::chrono::seconds(60)).count()));
    return later;
  }
  return error_answer(502, "UNAVAILABLE", "the store does not have it, and " + trouble_above(why));
}

task<result<handler::place>> handler::locate(const route& wanted, std::optional<answer>& refused) {
  const std::string name = wanted.name;
  const std::string ns = wanted.ns;
  auto names = co_await content_.current();
  if (!names) co_return names.error();
  place found;
  found.names = *names;
  const std::string preferred = source_ != nullptr ? source_->registry() : std::string();
  found_repository held = found.names->find(name, ns, preferred);
  found.held = held.only;
  if (source_ != nullptr && (!held.only || held.only->registry == preferred)) {
    const std::vector<repository> possible = candidates(name, ns, preferred);
    const auto above = std::find_if(possible.begin(), possible.end(), [&](const repository& one) { return one.registry == preferred; });
    if (above != possible.end()) found.above = held.only ? held.only : *above;
  }
  if (found.held || found.above) co_return found;
  if (held.ambiguous.empty()) {
    refused = unknown_name(name);
  } else {
    std::string choices;
    for (const repository& one : held.ambiguous) choices += (choices.empty() ? "" : ", ") + served_name(one);
    refused =
        error_answer(404, "NAME_UNKNOWN", fmt::format("several registries have {}: ask for one of {}", clean_text(name, 256), choices));
  }
  co_return found;
}

task<> handler::note_use(place where, route wanted) {
  std::vector<reference> names;
  if (wanted.digest) {
    if (where.held) names = where.names->names_of(*where.held, wanted.digest);
  } else {
    names.push_back(name_of(where.above ? *where.above : *where.held, wanted.tag, wanted.digest));
  }
  co_await content_.note_use(std::move(names));
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
  bool refused_by_upstream = false;
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
      if (!name.empty()) co_await source_->note_held(name, std::move(document));
    }
  }
  if (!*found && where->above) {
    const reference name = name_of(*where->above, wanted.tag, wanted.digest);
    if (!name.empty()) {
      const auto fetched = co_await source_->manifest(name, stop);
      if (!fetched && fetched.error().code != errc::not_found) co_return refused_above(fetched.error());
      if (fetched) {
        const descriptor top = fetched->top;
        refused_by_upstream = fetched->refused;
        if (fetched->bytes) {
          found = std::optional(held_document{top.media_type, top.digest, *fetched->bytes});
        } else {
          found = co_await content_.by_digest(top.digest, top.media_type);
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
  if (refused_by_upstream) full.add("Warning", std::string(stale_answer));
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
      if (!size) co_return refused_above(size.error());
      arriving_part nothing;
      nothing.length = *size;
      co_return blob_answer(request, wanted.digest, std::move(nothing));
    }
    auto feed = co_await source_->blob(name, wanted.digest, stop);
    if (!feed && feed.error().code == errc::not_found) co_return unknown_blob(wanted);
    if (!feed) co_return refused_above(feed.error());
    if (*feed != nullptr) {
      // A status that was sent cannot be taken back. Of a small blob nothing may be given out before all of it was verified.
      arriving_part whole;
      whole.blob = std::move(*feed);
      whole.length = whole.blob->size();
      if (whole.length != 0) {
        const auto begun = co_await whole.blob->available(0, stop);
        if (!begun && begun.error().code == errc::not_found) co_return unknown_blob(wanted);
        if (!begun) co_return refused_above(begun.error());
      }
      co_return blob_answer(request, wanted.digest, std::move(whole));
    }
    held = co_await content_.blob(wanted.digest);
    if (!held) co_return failed(held.error());
  }
  if (*held == nullptr) co_return unknown_blob(wanted);
  stored_part whole;
  whole.blob = std::move(*held);
  whole.length = whole.blob->size();
  co_return blob_answer(request, wanted.digest, std::move(whole));
}

task<answer> handler::tags(route wanted) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);
  // What the upstream has beside is not listed: what is listed can be had offline.
  const std::vector<std::string>* all = where->held ? where->names->tags(*where->held) : nullptr;
  if (all == nullptr) co_return unknown_name(wanted.name);
  const page cut = cut_page(*all, wanted.page, page_limit);
  model::json_writer out;
  out.begin_object().member("name", wanted.name).member("tags", cut.names).end_object();
  answer list = json_answer(out.take() + "\n");
  add_next(list, fmt::format("/v2/{}/tags/list", wanted.name), cut, wanted);
  co_return list;
}

task<answer> handler::catalog(route wanted) {
  const auto names = co_await content_.current();
  if (!names) co_return failed(names.error());
  const page cut = cut_page((*names)->names(), wanted.page, page_limit);
  model::json_writer out;
  out.begin_object().member("repositories", cut.names).end_object();
  answer list = json_answer(out.take() + "\n");
  add_next(list, "/v2/_catalog", cut, wanted);
  co_return list;
}

task<answer> handler::referrers(route wanted, runtime::stop_source& stop) {
  std::optional<answer> refused;
  const auto where = co_await locate(wanted, refused);
  if (!where) co_return failed(where.error());
  if (refused) co_return std::move(*refused);
  std::vector<descriptor> found;
  if (where->held) {
    const repository held = *where->held;
    auto listed = co_await content_.referrers(held, wanted.digest);
    if (!listed) co_return failed(listed.error());
    found = std::move(*listed);
  }
  if (where->above) {
    const reference name = name_of(*where->above, {}, wanted.digest);
    if (name.empty()) co_return unknown_name(wanted.name);
    auto above = co_await source_->referrers(name, wanted.digest, stop);
    // What the store has will do; of a repository that it does not have nothing can be said.
    if (!above && !where->held && above.error().code != errc::not_found) co_return refused_above(above.error());
    if (above) add_others(found, std::move(*above));
  }
  model::json_writer out;
  out.begin_object().member("schemaVersion", 2).member("mediaType", model::media_type::oci_index).key("manifests").begin_array();
  for (const descriptor& one : found) {
    if (wanted.artifact_type.empty() || one.artifact_type == wanted.artifact_type) model::write(out, one);
  }
  out.end_array().end_object();
  answer list = json_answer(out.take() + "\n", model::media_type::oci_index);
  if (!wanted.artifact_type.empty()) list.add("OCI-Filters-Applied", "artifactType");
  co_return list;
}

}  // namespace gantry::serve
