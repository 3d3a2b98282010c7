#include "http/redirect.hpp"

#include "base/redact.hpp"
#include "http/grammar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace gantry::http {
namespace {

failure refuse(const url& asked, std::string_view reason) {
  return {errc::redirect_refused, fmt::format("the answer of {} is not followed: {}", asked.origin.host_header(), reason)};
}

/// Takes one parameter, `; name[=value]`, off the front of a link's tail. Nothing when it is malformed.
std::optional<std::pair<std::string_view, std::string_view>> take_parameter(std::string_view& text) {
  text = trim(text);
  if (text.empty() || text.front() != ';') return std::nullopt;
  text = trim(text.substr(1));
  const std::size_t end = text.find_first_of("=;,");
  const std::string_view name = trim(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view() : text.substr(end);
  if (!is_token(name)) return std::nullopt;
  if (text.empty() || text.front() != '=') return std::pair(name, std::string_view());
  text = trim(text.substr(1));
  if (text.starts_with('"')) {
    const std::size_t close = text.find('"', 1);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view value = text.substr(1, close - 1);
    text = text.substr(close + 1);
    return std::pair(name, value);
  }
  const std::size_t stop = std::min(text.find_first_of(";,"), text.size());
  const std::string_view value = trim(text.substr(0, stop));
  text = text.substr(stop);
  return std::pair(name, value);
}

/// A relation list is separated by blanks.
bool names_next(std::string_view relations) {
  while (!relations.empty()) {
    const std::size_t end = std::min(relations.find(' '), relations.size());
    if (iequals(relations.substr(0, end), "next")) return true;
    relations = trim(relations.substr(end));
  }
  return false;
}

}  // namespace

bool is_redirect(unsigned status) noexcept { return status == 301 || status == 302 || status == 303 || status == 307 || status == 308; }

result<request> follow_redirect(const request& sent, const response_head& answer, url_channel channel, unsigned followed) {
  if (followed >= redirect_limit) return refuse(sent.target, fmt::format("it is redirect number {} in a row", followed + 1));
  const auto locations = answer.all("Location");
  if (locations.size() != 1) {
    return refuse(sent.target, fmt::format("it is a redirect with {} Location", locations.empty() ? "no" : "more than one"));
  }
  auto target = url::resolve(sent.target, locations.front());
  if (!target) return refuse(sent.target, target.error().text.message());
  if (auto allowed = allow(channel, sent.target.origin, *target); !allowed) return allowed.error();

  request next = sent;
  next.target = std::move(*target);
  const bool leaves = next.target.origin != sent.target.origin;
  std::erase_if(next.headers, [&](const header& field) {
    return (leaves && field.stays) || !survives_redirect(field.name, sent.target.origin, next.target.origin);
  });
  const bool becomes_get = answer.status == 303 ? sent.verb != method::head : sent.verb == method::post && answer.status <= 302;
  if (becomes_get) {
    next.verb = method::get;
    next.body.clear();
    next.body_size = 0;
    next.erase("Content-Type");
  }
  return next;
}

result<std::optional<url>> next_page(const url& asked, const response_head& answer) {
  const auto malformed = [&](std::string_view field) {
    return refuse(asked, fmt::format("its Link '{}' is malformed", clean_text(field, 128)));
  };
  for (const std::string_view field : answer.all("Link")) {
    std::string_view rest = trim(field);
    while (!rest.empty()) {
      const std::size_t close = rest.find('>');
      if (rest.front() != '<' || close == std::string_view::npos) return malformed(field);
      const std::string_view reference = rest.substr(1, close - 1);
      rest = trim(rest.substr(close + 1));
      bool next = true;
      while (!rest.empty() && rest.front() != ',') {
        const auto parameter = take_parameter(rest);
        if (!parameter) return malformed(field);
        if (iequals(parameter->first, "rel")) next = names_next(parameter->second);
        rest = trim(rest);
      }
      if (!rest.empty()) rest = trim(rest.substr(1));
      if (!next) continue;
      auto target = url::resolve(asked, reference);
      if (!target) return refuse(asked, target.error().text.message());
      if (auto allowed = allow(url_channel::pagination, asked.origin, *target); !allowed) return allowed.error();
      return std::optional<url>(std::move(*target));
    }
  }
  return std::optional<url>();
}

}  // namespace gantry::http
