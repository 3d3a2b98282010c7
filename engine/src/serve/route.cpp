#include "serve/route.hpp"

#include "model/reference_grammar.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace gantry::serve {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Once, so that what is encoded twice stays something that no grammar here accepts. Nothing when an escape is broken.
std::optional<std::string> decode(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return decoded;
}

/// The parts between slashes, decoded. An encoded slash stays inside its part, where nothing lets it pass.
std::optional<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    auto part = decode(path.substr(0, slash));
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::size_t count) {
  std::string name = parts.front();
  for (std::size_t i = 1; i < count; ++i) name += "/" + parts[i];
  return name;
}

/// A repository, or a registry and its repository; the registry may carry a port.
bool is_name(const std::vector<std::string>& parts, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (parts[i].find('/') != std::string::npos) return false;
  }
  const std::string name = join(parts, count);
  if (model::is_repository(name)) return true;
  return count > 1 && model::split_reference(name).has_value() && name.find('@') == std::string::npos &&
         parts[count - 1].find(':') == std::string::npos;
}

answer not_an_endpoint() { return error_answer(404, "NAME_UNKNOWN", "no such resource; the API of this registry is below /v2/"); }

answer invalid_digest(std::string_view code = "DIGEST_INVALID") {
  return error_answer(400, code, "the digest is malformed or of an algorithm that is not supported");
}

/// Reads the query into \p into. \returns an error when a value cannot be used.
std::optional<answer> read_query(std::string_view query, route& into) {
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    const std::size_t equals = pair.find('=');
    const std::string_view key = pair.substr(0, equals);
    const auto value = decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    if (!value) return error_answer(400, "UNSUPPORTED", "the query holds a broken percent escape");
    if (key == "ns") {
      into.ns = *value;
    } else if (key == "last") {
      into.page.last = *value;
    } else if (key == "artifactType") {
      into.artifact_type = *value;
    } else if (key == "n") {
      std::uint64_t count = 0;
      const auto [stop, failed] = std::from_chars(value->data(), value->data() + value->size(), count);
      if (value->empty() || stop != value->data() + value->size() || failed != std::errc()) {
        return error_answer(400, "PAGINATION_NUMBER_INVALID", "n must be a number of entries");
      }
      into.page.count = count;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string encode_query(std::string_view text) {
  constexpr std::string_view plain = "-._~/:@";
  std::string encoded;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter || plain.find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

std::variant<route, answer> route_request(std::string_view method, std::string_view target) {
  if (method != "GET" && method != "HEAD") {
    answer refused = error_answer(405, "UNSUPPORTED", "this registry is read-only");
    refused.add("Allow", "GET, HEAD");
    return refused;
  }
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  route found;
  if (question != std::string_view::npos) {
    if (auto refused = read_query(target.substr(question + 1), found)) return std::move(*refused);
  }
  if (path == "/v2" || path == "/v2/") return found;
  if (!path.starts_with("/v2/")) return not_an_endpoint();
  const auto parts = split_path(path.substr(4));
  if (!parts) return error_answer(400, "NAME_INVALID", "the path holds a broken percent escape");
  if (parts->size() == 1 && parts->front() == "_catalog") {
    found.what = endpoint::catalog;
    return found;
  }
  const std::size_t count = parts->size();
  if (count < 3) return not_an_endpoint();
  const std::string& kind = (*parts)[count - 2];
  const std::string& last = (*parts)[count - 1];
  if (kind == "tags" && last == "list") {
    found.what = endpoint::tags;
  } else if (kind == "manifests") {
    found.what = endpoint::manifest;
  } else if (kind == "blobs") {
    found.what = endpoint::blob;
  } else if (kind == "referrers") {
    found.what = endpoint::referrers;
  } else {
    return not_an_endpoint();
  }
  if (!is_name(*parts, count - 2)) return error_answer(404, "NAME_INVALID", "the repository name is malformed");
  found.name = join(*parts, count - 2);
  if (found.what == endpoint::tags) return found;

  const bool may_be_tag = found.what == endpoint::manifest && last.find(':') == std::string::npos;
  if (may_be_tag) {
    if (!model::is_tag(last)) return error_answer(404, "MANIFEST_UNKNOWN", "the tag is malformed");
    found.tag = last;
    return found;
  }
  error_code ec;
  found.digest = digest::parse(last, ec);
  if (ec) return invalid_digest();
  return found;
}

}  // namespace gantry::serve
