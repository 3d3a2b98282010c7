// What clients of `gantry serve` send, and the file that says who may.

#include "base/base64.hpp"
#include "fuzz/targets.hpp"
#include "serve/conditions.hpp"
#include "serve/gate.hpp"
#include "serve/htpasswd.hpp"
#include "serve/request_parser.hpp"
#include "serve/route.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <variant>

namespace gantry::fuzz {
namespace {

/// Requests to serve, one behind the other, in one piece and byte by byte.
void read_request(std::string_view text) {
  const auto feed = [&](std::size_t step) {
    std::string seen;
    serve::request_parser parser;
    for (std::size_t at = 0; at < text.size();) {
      at += parser.feed(bytes_of(text.substr(at, step)));
      if (!parser.complete()) continue;
      if (parser.refusal()) return seen + std::to_string(parser.refusal()->status);
      const serve::request_head& head = parser.head();
      expect(head.target.starts_with('/'), "a target begins with a slash");
      seen += head.method + " " + head.target + "\n";
      for (const http::header& field : head.headers) seen += field.name + ": " + field.value + "\n";
      if (head.has_body || !head.keep_alive) return seen;
      parser = {};
    }
    return seen;
  };
  expect(feed(text.size()) == feed(1), "requests are the same in pieces");
}

/// The path and query that mean \p found.
std::string target_of(const serve::route& found) {
  std::string target = "/v2/";
  switch (found.what) {
    case serve::endpoint::ping:
      break;
    case serve::endpoint::catalog:
      target += "_catalog";
      break;
    case serve::endpoint::tags:
      target += found.name + "/tags/list";
      break;
    case serve::endpoint::manifest:
      target += found.name + "/manifests/" + (found.tag.empty() ? found.digest.string() : found.tag);
      break;
    case serve::endpoint::blob:
      target += found.name + "/blobs/" + found.digest.string();
      break;
    case serve::endpoint::referrers:
      target += found.name + "/referrers/" + found.digest.string();
      break;
  }
  target += "?ns=" + serve::encode_query(found.ns) + "&last=" + serve::encode_query(found.page.last);
  target += "&artifactType=" + serve::encode_query(found.artifact_type);
  if (found.page.count) target += "&n=" + std::to_string(*found.page.count);
  return target;
}

bool are_the_same(const serve::route& a, const serve::route& b) {
  return a.what == b.what && a.name == b.name && a.ns == b.ns && a.tag == b.tag && a.digest == b.digest &&
         a.artifact_type == b.artifact_type && a.page.count == b.page.count && a.page.last == b.page.last;
}

/// The target of a request, as request_parser lets it pass or not.
void read_route(std::string_view text) {
  const auto decided = serve::route_request("GET", text);
  if (const auto* const refused = std::get_if<serve::answer>(&decided)) {
    expect(refused->status == 400 || refused->status == 404, "what is not understood is the client's mistake");
    const std::string head = serve::serialize_head(*refused, true, "Thu, 01 Jan 1970 00:00:00 GMT");
    expect(head.find("\r\n\r\n") == head.size() - 4, "an answer has one head");
    return;
  }
  const auto& found = std::get<serve::route>(decided);
  const std::string path = "/" + found.name + "/";
  const bool named = found.what != serve::endpoint::ping && found.what != serve::endpoint::catalog;
  expect(named != found.name.empty(), "a repository has a name");
  expect(path.find("..") == std::string::npos && path.find("/./") == std::string::npos, "no name leads upwards");
  expect(!named || path.find("//") == std::string::npos, "no part of a name is empty");
  expect(is_shown_safely(found.name + found.tag) && found.name.find('%') == std::string::npos, "a name has no odd characters");
  expect(found.tag.find('/') == std::string::npos, "a tag has no directory");
  const auto again = serve::route_request("GET", target_of(found));
  expect(std::holds_alternative<serve::route>(again) && are_the_same(std::get<serve::route>(again), found),
         "a route is read back from what it is printed as");
}

/// A Range field and, for want of another place, If-None-Match.
void read_range(std::string_view text) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1000}, std::numeric_limits<std::uint64_t>::max()}) {
    const auto chosen = serve::choose_range(text, size);
    const auto* const range = std::get_if<http::byte_range>(&chosen);
    if (range == nullptr) continue;
    expect(range->first <= range->last && range->last < size, "a range is inside the blob");
    const auto again = serve::choose_range(range->header_value(), size);
    const auto* const same = std::get_if<http::byte_range>(&again);
    expect(same != nullptr && *same == *range, "a range is read back from what it is printed as");
  }
  const std::string etag = "\"sha256:0123\"";
  const bool any = serve::matches_etag(text, etag);
  expect(!any || text.find(etag) != std::string_view::npos || text.find('*') != std::string_view::npos, "only what is named matches");
  expect(serve::matches_etag(std::string(text) + "," + etag, etag), "the last of several is looked at");
}

/// An Authorization field; the same bytes as a user name and password.
void read_basic(std::string_view text) {
  if (const auto said = serve::parse_basic(text)) {
    expect(said->first.find(':') == std::string::npos, "the first colon ends the user name");
    expect(serve::parse_basic("Basic " + base64_encode(said->first + ":" + said->second)) == said, "a login is read back");
  }
  const auto said = serve::parse_basic("basic " + base64_encode(text));
  expect(said.has_value() == (text.find(':') != std::string_view::npos), "a login is what has a colon");
  expect(!said || said->first + ":" + said->second == text, "a login is taken as it is");
}

void read_htpasswd(std::string_view text) {
  const auto users = serve::htpasswd::parse(text, "x");
  if (users) return;
  const std::string said = users.error().text.message();
  expect(is_shown_safely(said), "a message can be shown");
  // What stands once in the file, behind a colon, and looks like a hash.
  for (std::size_t colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':', colon + 1)) {
    const std::string_view hash = text.substr(colon + 1, text.substr(colon + 1).find_first_of(":\r\n "));
    if (hash.size() < 20 || text.find(hash) != colon + 1 || text.find(hash, colon + 2) != std::string_view::npos) continue;
    // A second colon belongs to the hash; it is not looked for in front of the first.
    const std::size_t line = text.rfind('\n', colon);
    if (text.substr(line + 1, colon - line - 1).find(':') != std::string_view::npos) continue;
    expect(said.find(hash) == std::string::npos, "no message shows a hash");
  }
}

constexpr target all[] = {
    {"request", read_request}, {"route", read_route}, {"range", read_range}, {"basic", read_basic}, {"htpasswd", read_htpasswd},
};

}  // namespace

std::span<const target> serve_targets() noexcept { return all; }

}  // namespace gantry::fuzz
