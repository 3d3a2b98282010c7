#include "config/proxy.hpp"

#include "base/idna.hpp"
#include "base/redact.hpp"
#include "config/address.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

namespace gantry::config {
namespace {

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return copy;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value == 0) return std::nullopt;
  return value;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    if (i + 2 >= text.size() || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0) return std::nullopt;
    plain += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  return plain;
}

bool matches(std::string_view entry, std::string_view host, const std::optional<boost::asio::ip::address>& address, std::string_view port) {
  if (entry.find('/') != std::string_view::npos) return address && in_network(entry, *address);
  const auto parts = split_host_and_port(entry);
  if (!parts || parts->host.empty()) return false;
  if (!parts->port.empty() && parts->port != port) return false;
  if (const auto named = as_address(parts->host)) return address && *named == *address;
  if (address) return false;

  std::string_view name = parts->host;
  if (name.starts_with("*.")) name.remove_prefix(1);
  const bool below_only = name.starts_with('.');
  const auto ascii = ascii_host(below_only ? name.substr(1) : name);
  if (!ascii) return false;
  if (!below_only && host == *ascii) return true;
  return host.size() > ascii->size() + 1 && host.ends_with(*ascii) && host[host.size() - ascii->size() - 1] == '.';
}

std::uint16_t usual_port(proxy_kind kind) {
  switch (kind) {
    case proxy_kind::http:
      return 80;
    case proxy_kind::https:
      return 443;
    case proxy_kind::socks5:
      return 1080;
  }
  return 0;
}

std::string_view scheme_of(proxy_kind kind) {
  switch (kind) {
    case proxy_kind::http:
      return "http";
    case proxy_kind::https:
      return "https";
    case proxy_kind::socks5:
      return "socks5";
  }
  return {};
}

}  // namespace

std::string proxy::string() const {
  const std::string shown = host.find(':') != std::string::npos ? fmt::format("[{}]", host) : host;
  return port == usual_port(kind) ? fmt::format("{}://{}", scheme_of(kind), shown)
                                  : fmt::format("{}://{}:{}", scheme_of(kind), shown, port);
}

result<proxy> parse_proxy(std::string_view text) {
  text = trim(text);
  std::string_view rest = text;
  std::string scheme = "http";
  if (const std::size_t colon = text.find("://"); colon != std::string_view::npos) {
    scheme = lower(text.substr(0, colon));
    rest = text.substr(colon + 3);
  }
  const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
  // Either would be taken apart within a password, and what is left of it be shown.
  const bool schemed = std::all_of(scheme.begin(), scheme.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
  });
  if (rest.find('@', end) != std::string_view::npos || !schemed) {
    return failure(errc::invalid_option,
                   "the proxy cannot be used: in the user name and password of its URL '/', '?' and '#' are written %2F, %3F and %23");
  }
  rest = rest.substr(0, end);
  std::string_view user;
  if (const std::size_t at = rest.rfind('@'); at != std::string_view::npos) {
    user = rest.substr(0, at);
    rest = rest.substr(at + 1);
  }
  const std::string shown = clean_text(fmt::format("{}://{}", scheme, rest), 256);
  const auto refuse = [&](std::string_view why) {
    return failure(errc::invalid_option, fmt::format("the proxy {} cannot be used: {}", shown, why));
  };

  proxy made;
  if (scheme == "https") {
    made.kind = proxy_kind::https;
  } else if (scheme == "socks5" || scheme == "socks5h") {
    made.kind = proxy_kind::socks5;
  } else if (scheme != "http") {
    return refuse("its scheme is none of http, https and socks5");
  }
  const auto parts = split_host_and_port(rest);
  if (!parts || parts->host.empty()) return refuse("HOST or HOST:PORT is wanted");
  const bool looks_like_v6 = rest.starts_with('[') || parts->host.find(':') != std::string_view::npos;
  if (looks_like_v6 && !as_address(parts->host)) return refuse("HOST or HOST:PORT is wanted, an IPv6 address in brackets");
  const bool odd = std::any_of(parts->host.begin(), parts->host.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= 0x20 || byte == 0x7f || c == '%' || c == '\\';
  });
  if (odd) return refuse("its host holds characters that no host may hold");
  auto ascii = ascii_host(parts->host);
  if (!ascii) return refuse(ascii.error().text.message());
  made.host = lower(*ascii);
  made.port = usual_port(made.kind);
  if (!parts->port.empty()) {
    const auto number = parse_port(parts->port);
    if (!number) return refuse("its port is no number from 1 to 65535");
    made.port = *number;
  }
  const std::size_t colon = user.find(':');
  auto name = unescape(user.substr(0, colon));
  auto password = unescape(colon == std::string_view::npos ? std::string_view() : user.substr(colon + 1));
  if (!name || !password) return refuse("a % in its user name or password is not followed by two hexadecimal digits");
  made.username = std::move(*name);
  made.password = std::move(*password);
  if (made.kind == proxy_kind::socks5 && (made.username.size() > 255 || made.password.size() > 255)) {
    return refuse("SOCKS5 takes no more than 255 bytes of user name and password");
  }
  if (made.kind != proxy_kind::socks5 && made.username.find(':') != std::string::npos) return refuse("its user name contains ':'");
  return made;
}

}  // namespace gantry::config

namespace gantry {

proxy_settings proxy_settings::from_environment(const std::function<std::string(const char*)>& reader) {
  const auto variable = [&](const char* name) {
    if (reader) return reader(name);
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  const auto either = [&](const char* upper, const char* small) {
    std::string value = variable(upper);
    return value.empty() ? variable(small) : value;
  };
  const std::string all = either("ALL_PROXY", "all_proxy");
  proxy_settings read;
  read.http = either("HTTP_PROXY", "http_proxy");
  read.cgi = !read.http.empty() && !variable("REQUEST_METHOD").empty();
  if (read.http.empty()) read.http = all;
  read.https = either("HTTPS_PROXY", "https_proxy");
  if (read.https.empty()) read.https = all;
  read.no_proxy = either("NO_PROXY", "no_proxy");
  return read;
}

}  // namespace gantry

namespace gantry::config {

proxy_rules::proxy_rules(proxy_settings settings) : cgi_(settings.cgi), loopback_(settings.loopback) {
  if (!trim(settings.http).empty()) http_ = parse_proxy(settings.http);
  if (!trim(settings.https).empty()) https_ = parse_proxy(settings.https);
  std::string_view rest = settings.no_proxy;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view entry = trim(rest.substr(0, comma));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (entry == "*") everything_exempt_ = true;
    if (!entry.empty()) exemptions_.push_back(lower(entry));
  }
}

bool proxy_rules::exempt(std::string_view host, std::uint16_t port) const {
  if (everything_exempt_) return true;
  const auto address = as_address(host);
  if (!loopback_ && (host == "localhost" || (address && address->is_loopback()))) return true;
  const std::string name = lower(host);
  const std::string number = std::to_string(port);
  return std::any_of(exemptions_.begin(), exemptions_.end(),
                     [&](const std::string& entry) { return matches(entry, name, address, number); });
}

result<std::optional<proxy>> proxy_rules::choose(std::string_view scheme, std::string_view host, std::uint16_t port) const {
  const std::optional<result<proxy>>& configured = scheme == "https" ? https_ : http_;
  if ((scheme != "https" && scheme != "http") || !configured) return std::optional<proxy>();
  if (scheme == "http" && cgi_) {
    return failure(errc::invalid_option,
                   "HTTP_PROXY is not used in a CGI environment (REQUEST_METHOD is set), where a client may choose it; give --proxy");
  }
  if (exempt(host, port)) return std::optional<proxy>();
  if (!*configured) return configured->error();
  return std::optional<proxy>(**configured);
}

}  // namespace gantry::config
