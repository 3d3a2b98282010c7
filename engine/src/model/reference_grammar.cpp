#include "model/reference_grammar.hpp"

#include "base/ascii.hpp"
#include "base/redact.hpp"

#include <algorithm>

namespace gantry::model {
namespace {

constexpr std::size_t longest_path = 255;
constexpr std::size_t longest_tag = 128;
constexpr std::string_view hub = "docker.io";
constexpr std::string_view old_hub = "index.docker.io";

bool is_alnum(char c) noexcept { return is_lower(c) || is_upper(c) || is_digit(c); }
bool is_hex(char c) noexcept { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
bool is_path_component(std::string_view text) noexcept {
  std::size_t i = 0;
  const auto word = [&] {
    const std::size_t start = i;
    while (i < text.size() && (is_lower(text[i]) || is_digit(text[i]))) ++i;
    return i > start;
  };
  if (!word()) return false;
  while (i < text.size()) {
    const std::size_t start = i;
    while (i < text.size() && text[i] == text[start]) ++i;
    const std::size_t length = i - start;
    const char separator = text[start];
    const bool allowed = separator == '-' || (separator == '.' && length == 1) || (separator == '_' && length <= 2);
    if (!allowed || !word()) return false;
  }
  return true;
}

bool is_path(std::string_view text) noexcept {
  while (true) {
    const std::size_t slash = text.find('/');
    if (!is_path_component(text.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    text.remove_prefix(slash + 1);
  }
}

/// Host names and addresses: labels between dots, or an IPv6 address in brackets; no underscore, no zone.
bool is_host(std::string_view host) noexcept {
  if (host.starts_with('[')) {
    if (host.size() < 3 || !host.ends_with(']')) return false;
    const std::string_view address = host.substr(1, host.size() - 2);
    return std::all_of(address.begin(), address.end(), [](char c) { return is_hex(c) || c == ':'; });
  }
  while (true) {
    const std::size_t dot = host.find('.');
    const std::string_view label = host.substr(0, dot);
    if (label.empty() || !is_alnum(label.front()) || !is_alnum(label.back())) return false;
    if (!std::all_of(label.begin(), label.end(), [](char c) { return is_alnum(c) || c == '-'; })) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

bool is_domain(std::string_view text) noexcept {
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (colon != std::string_view::npos) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::all_of(port.begin(), port.end(), is_digit)) return false;
  }
  return is_host(text.substr(0, colon));
}

std::string quoted(std::string_view text) { return "\"" + clean_text(hide_user(text), 300) + "\""; }

failure invalid(std::string_view text, std::string_view why) {
  return failure(errc::invalid_reference, "the image name " + quoted(text) + " is not valid: " + std::string(why));
}

/// Says what most likely is wrong with a name that the grammar refuses.
failure explain(std::string_view text, std::string_view name) {
  if (text.empty()) return failure(errc::invalid_reference, "the image name is empty; expected NAME[:TAG][@DIGEST]");
  if (name.find("://") != std::string_view::npos) {
    return invalid(text, "leave out the scheme; expected [HOST[:PORT]/]NAME[:TAG][@DIGEST]");
  }
  const std::string lower = lower_case(name);
  if (lower != name && is_path(lower)) return invalid(text, "repository names are lower-case");
  const std::size_t slash = lower.find('/');
  if (lower != name && slash != std::string::npos && is_domain(lower.substr(0, slash)) && is_path(lower.substr(slash + 1))) {
    return invalid(text, "repository names are lower-case");
  }
  return invalid(text, "expected [HOST[:PORT]/]NAME[:TAG][@DIGEST]");
}

bool is_identifier(std::string_view text) noexcept {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

}  // namespace

bool is_repository(std::string_view name) noexcept { return name.size() <= longest_path && is_path(name); }

bool is_tag(std::string_view tag) noexcept {
  if (tag.empty() || tag.size() > longest_tag || tag.front() == '.' || tag.front() == '-') return false;
  return std::all_of(tag.begin(), tag.end(), [](char c) { return is_alnum(c) || c == '_' || c == '.' || c == '-'; });
}

result<reference_parts> split_reference(std::string_view text) {
  reference_parts parts;
  const std::size_t at = text.find('@');
  std::string_view name = text.substr(0, at);
  const std::size_t slash = name.rfind('/');
  const std::size_t colon = name.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    parts.tag = name.substr(colon + 1);
    if (name.substr(colon).starts_with("://") || !is_tag(parts.tag)) return explain(text, name);
    name = name.substr(0, colon);
  }
  const std::size_t first = name.find('/');
  if (first != std::string_view::npos && is_domain(name.substr(0, first))) {
    parts.domain = name.substr(0, first);
    parts.path = name.substr(first + 1);
  } else {
    parts.path = name;
  }
  if (!is_path(parts.path)) return explain(text, name);
  if (parts.path.size() > longest_path)
    return invalid(text, "the repository name is longer than " + std::to_string(longest_path) + " characters");
  if (at != std::string_view::npos) {
    error_code ec;
    parts.digest = digest::parse(text.substr(at + 1), ec);
    if (ec) {
      return failure(ec, "the digest in " + quoted(text) +
                             " is not valid: expected sha256: with 64 or sha512: with 128 lower-case hexadecimal digits");
    }
  }
  return parts;
}

result<reference_parts> normalise_reference(std::string_view text) {
  if (is_identifier(text))
    return invalid(text, "64 hexadecimal digits are an image ID, not a name; a digest is written NAME@sha256:DIGITS");
  const std::size_t slash = text.find('/');
  std::string_view domain = slash == std::string_view::npos ? std::string_view() : text.substr(0, slash);
  std::string_view rest = slash == std::string_view::npos ? text : text.substr(slash + 1);
  // Docker's rule: what stands before the first slash is a registry when it could not be a user's name there.
  const bool registry = domain == "localhost" || domain.find_first_of(".:") != std::string_view::npos || lower_case(domain) != domain;
  if (!registry) {
    domain = hub;
    rest = text;
  } else if (domain == old_hub) {
    domain = hub;
  }
  std::string full(domain);
  full += '/';
  // The namespace is decided on the name alone: neither a tag nor a digest has a slash.
  if (domain == hub && rest.find('/') == std::string_view::npos) full += "library/";
  full += rest;
  if (text.empty()) return explain(text, text);
  result<reference_parts> parts = split_reference(full);
  if (!parts) {
    // Said of the words that were given, not of those that were filled in.
    if (parts.error().code == errc::invalid_digest || text.find("://") != std::string_view::npos) return split_reference(text).error();
    const std::string given = quoted(text);
    std::string message = parts.error().text.message();
    if (const std::size_t place = message.find(quoted(full)); place != std::string::npos)
      message.replace(place, quoted(full).size(), given);
    return failure(parts.error().code, std::move(message));
  }
  // `split_reference` saw a domain where docker's rule put one; anything else would have moved the name to another registry.
  if (parts->domain != domain) return explain(text, rest);
  return parts;
}

}  // namespace gantry::model
