#include "http/origin_policy.hpp"

#include "base/redact.hpp"
#include "http/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace gantry::http {
namespace {

std::string_view words_for(url_channel channel) {
  switch (channel) {
    case url_channel::redirect:
      return "the redirect";
    case url_channel::token_realm:
      return "the token realm";
    case url_channel::foreign_layer:
      return "the layer's URL";
    case url_channel::upload_location:
      return "the upload location";
    case url_channel::pagination:
      return "the link to the next page";
    case url_channel::token_redirect:
      return "the redirect of the token request";
  }
  return "the URL";
}

/// `localhost` and the loopback addresses that it stands for are one machine under three names.
bool is_same_host(std::string_view a, std::string_view b) {
  constexpr std::array<std::string_view, 3> here{"localhost", "127.0.0.1", "::1"};
  const auto is_here = [&](std::string_view host) { return std::find(here.begin(), here.end(), host) != here.end(); };
  return a == b || (is_here(a) && is_here(b));
}

bool is_credential_header(std::string_view name) {
  constexpr std::array<std::string_view, 6> names{"Authorization", "Proxy-Authorization", "Cookie",
                                                  "Cookie2",       "WWW-Authenticate",    "Proxy-Authenticate"};
  return std::any_of(names.begin(), names.end(), [&](std::string_view secret) { return iequals(name, secret); });
}

}  // namespace

result<void> allow(url_channel channel, const origin& from, const url& target) {
  const origin& to = target.origin;
  const auto refuse = [&](std::string_view reason) {
    // The path of an upload is its key.
    const std::string shown = channel == url_channel::upload_location ? to.string() : target.string();
    const std::string_view bare = std::string_view(shown).substr(0, shown.find('?'));
    return failure(errc::redirect_refused, fmt::format("{} to {} sent by {} is not followed: {}", words_for(channel), clean_text(bare, 256),
                                                       from.host_header(), reason));
  };

  if (channel == url_channel::pagination && to != from) return refuse("it leaves the registry");
  if (from.is_tls() && !to.is_tls()) return refuse("it leads from https to http");
  const bool same_host = is_same_host(from.host, to.host);
  if (!same_host && to.is_private()) return refuse("it leads to an address of a private network or of this machine");
  const bool secrets = channel == url_channel::token_realm || channel == url_channel::token_redirect;
  if (secrets && !same_host && !to.is_tls()) return refuse("it would send credentials to another host in clear text");
  return {};
}

bool survives_redirect(std::string_view header_name, const origin& from, const origin& to) {
  return from == to || !is_credential_header(header_name);
}

}  // namespace gantry::http
