#include "http/url.hpp"

#include "base/ascii.hpp"
#include "base/redact.hpp"

#include <fmt/format.h>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace gantry::http {
namespace {

namespace urls = boost::urls;

bool is_digits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

/// Whether resolvers might read a name as an IPv4 address although it is not written as one: its last label is a number (WHATWG URL, "ends
/// in a number").
bool ends_in_number(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  const std::size_t dot = name.rfind('.');
  const std::string_view label = dot == std::string_view::npos ? name : name.substr(dot + 1);
  return is_digits(label) || label.starts_with("0x");
}

bool is_name(std::string_view name) {
  // An empty label inside would leave a dot behind, with which `localhost.` is not known for what it is.
  if (name.find("..") != std::string_view::npos) return false;
  return !name.empty() && name.size() <= 255 && name.front() != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  });
}

std::optional<urls::ipv4_address> as_ipv4(std::string_view host) {
  const auto parsed = urls::parse_ipv4_address(host);
  if (parsed.has_error()) return std::nullopt;
  return *parsed;
}

std::optional<urls::ipv6_address> as_ipv6(std::string_view host) {
  const auto parsed = urls::parse_ipv6_address(host);
  if (parsed.has_error()) return std::nullopt;
  return *parsed;
}

/// One spelling for a host without brackets; nothing when it is none that we would connect to.
std::optional<std::string> canonical_host(std::string_view text) {
  std::string host = lower_case(text);
  if (const auto v4 = as_ipv4(host)) return std::string(v4->to_string());
  if (const auto v6 = as_ipv6(host)) return std::string(v6->to_string());
  if (!is_name(host) || ends_in_number(host)) return std::nullopt;
  if (host.ends_with('.')) host.pop_back();  // the root label changes nothing about where a name leads
  return host;
}

struct block {
  std::uint32_t network;
  unsigned bits;
};

/// IPv4 blocks that are not globally reachable (IANA special-purpose registry), loopback apart.
constexpr std::array private_blocks{
    block{0x00000000, 8},   // this network
    block{0x0a000000, 8},   // private
    block{0x64400000, 10},  // shared by carriers
    block{0xa9fe0000, 16},  // link-local, metadata services
    block{0xac100000, 12},  // private
    block{0xc0000000, 24},  // protocol assignments
    block{0xc0a80000, 16},  // private
    block{0xc6120000, 15},  // benchmarking
    block{0xe0000000, 3},   // multicast, reserved, broadcast
};

bool is_private_v4(std::uint32_t address) {
  return std::any_of(private_blocks.begin(), private_blocks.end(),
                     [&](const block& b) { return (address >> (32 - b.bits)) == (b.network >> (32 - b.bits)); });
}

bool is_rfc1918(std::uint32_t address) { return address >> 24 == 0x0a || address >> 20 == 0xac1 || address >> 16 == 0xc0a8; }

/// The IPv4 address that an IPv6 address stands for: mapped, compatible, translated (64:ff9b::/96) or 6to4.
std::optional<std::uint32_t> embedded_v4(const urls::ipv6_address& address) {
  const auto bytes = address.to_bytes();
  const auto word = [&](std::size_t at) {
    return static_cast<std::uint32_t>(bytes[at]) << 24 | static_cast<std::uint32_t>(bytes[at + 1]) << 16 |
           static_cast<std::uint32_t>(bytes[at + 2]) << 8 | static_cast<std::uint32_t>(bytes[at + 3]);
  };
  if (bytes[0] == 0x20 && bytes[1] == 0x02) return word(2);
  const bool translated = word(0) == 0x0064ff9b && word(4) == 0 && word(8) == 0;
  const bool low = word(0) == 0 && word(4) == 0 && (word(8) == 0 || word(8) == 0xffff);
  if (translated || low) return word(12);
  return std::nullopt;
}

bool is_loopback_host(std::string_view host) {
  if (host == "localhost" || host.ends_with(".localhost")) return true;
  if (const auto v4 = as_ipv4(host)) return v4->is_loopback();
  if (const auto v6 = as_ipv6(host)) {
    const auto inner = embedded_v4(*v6);
    return v6->is_loopback() || (inner && *inner >> 24 == 127);
  }
  return false;
}

bool is_private_host(std::string_view host) {
  if (is_loopback_host(host)) return true;
  if (const auto v4 = as_ipv4(host)) return is_private_v4(v4->to_uint());
  if (const auto v6 = as_ipv6(host)) {
    const auto bytes = v6->to_bytes();
    if (const auto inner = embedded_v4(*v6)) return is_private_v4(*inner) || *inner >> 24 == 127;
    // Only 2000::/3 is handed out for the public internet.
    return (bytes[0] & 0xe0U) != 0x20;
  }
  return false;
}

std::string bracketed(std::string_view host) {
  return host.find(':') == std::string_view::npos ? std::string(host) : fmt::format("[{}]", host);
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || ec != std::errc() || stop != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

failure refusal(std::string_view text, std::string_view reason) {
  return {errc::protocol_error, fmt::format("the URL '{}' cannot be used: {}", clean_text(redact_url(text), 256), reason)};
}

/// Boost.URL 1.81 reads `//h:x/` and `//1.2.3.4x/` as a shorter authority followed by a path, which RFC 3986 does not allow.
bool is_cut_authority(const urls::url_view_base& parsed) {
  return parsed.has_authority() && !parsed.encoded_path().empty() && !parsed.encoded_path().starts_with('/');
}

result<url> convert(const urls::url_view_base& parsed, std::string_view text) {
  url value;
  value.origin.scheme = lower_case(std::string_view(parsed.scheme().data(), parsed.scheme().size()));
  if (value.origin.scheme != "http" && value.origin.scheme != "https") return refusal(text, "it is neither http nor https");
  if (parsed.has_userinfo()) return refusal(text, "it carries a user name");
  if (!parsed.has_authority() || parsed.encoded_host().empty()) return refusal(text, "it names no host");
  if (is_cut_authority(parsed)) return refusal(text, "its host or port is malformed");
  if (parsed.host_type() == urls::host_type::ipvfuture) return refusal(text, "its host has an unknown form");

  std::string_view written(parsed.encoded_host().data(), parsed.encoded_host().size());
  if (written.starts_with('[') && written.ends_with(']')) written = written.substr(1, written.size() - 2);
  std::optional<std::string> host = canonical_host(written);
  if (!host) return refusal(text, "its host is neither a name nor an address");
  value.origin.host = std::move(*host);

  value.origin.port = value.origin.is_tls() ? 443 : 80;
  if (parsed.has_port() && !parsed.port().empty()) {
    const auto port = parse_port(std::string_view(parsed.port().data(), parsed.port().size()));
    if (!port) return refusal(text, "its port is out of range");
    value.origin.port = *port;
  }

  const auto path = parsed.encoded_path();
  value.target.assign(path.data(), path.size());
  if (value.target.empty()) value.target = "/";
  if (parsed.has_query()) {
    value.target += '?';
    value.target.append(parsed.encoded_query().data(), parsed.encoded_query().size());
  }
  return value;
}

}  // namespace

std::string origin::host_header() const { return has_default_port() ? bracketed(host) : authority(); }

std::string origin::authority() const { return fmt::format("{}:{}", bracketed(host), port); }

std::string origin::string() const { return fmt::format("{}://{}", scheme, host_header()); }

bool origin::is_loopback() const { return is_loopback_host(host); }

bool origin::is_private() const { return is_private_host(host); }

result<url> url::parse(std::string_view absolute) {
  const auto parsed = urls::parse_uri(absolute);
  if (parsed.has_error()) return refusal(absolute, "it is no absolute URL");
  return convert(*parsed, absolute);
}

result<url> url::resolve(const url& base, std::string_view reference) {
  const auto relative = urls::parse_uri_reference(reference);
  if (relative.has_error()) return refusal(reference, "it is no URL");
  if (is_cut_authority(*relative)) return refusal(reference, "its host or port is malformed");
  const std::string base_text = base.string();
  const auto absolute = urls::parse_uri(base_text);
  if (absolute.has_error()) return refusal(base_text, "it is no absolute URL");
  urls::url resolved;
  const auto outcome = urls::resolve(*absolute, *relative, resolved);
  if (outcome.has_error()) return refusal(reference, "it cannot be resolved");
  return convert(resolved, reference);
}

std::string url::string() const { return origin.string() + target; }

result<origin> endpoint_of(std::string_view registry, std::string_view scheme) {
  const auto refuse = [&] {
    return failure(errc::invalid_reference, fmt::format("'{}' names no registry: HOST or HOST:PORT is wanted", clean_text(registry, 256)));
  };
  std::string_view host = registry;
  std::string_view port;
  if (registry.starts_with('[')) {
    const std::size_t close = registry.find(']');
    if (close == std::string_view::npos) return refuse();
    host = registry.substr(1, close - 1);
    if (!as_ipv6(host)) return refuse();
    const std::string_view rest = registry.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return refuse();
    port = rest.empty() ? rest : rest.substr(1);
  } else if (std::count(registry.begin(), registry.end(), ':') == 1) {
    const std::size_t colon = registry.find(':');
    host = registry.substr(0, colon);
    port = registry.substr(colon + 1);
  }

  const auto canonical = canonical_host(host);
  if (!canonical) return refuse();
  origin value{std::string(scheme), *canonical, static_cast<std::uint16_t>(scheme == "https" ? 443 : 80)};
  if (!port.empty()) {
    const auto number = parse_port(port);
    if (!number) return refuse();
    value.port = *number;
  }
  return value;
}

bool is_loopback_registry(std::string_view registry) {
  const auto endpoint = endpoint_of(registry, "http");
  return endpoint && endpoint->is_loopback();
}

bool is_private_network_registry(std::string_view registry) {
  const auto endpoint = endpoint_of(registry, "http");
  if (!endpoint) return false;
  const auto v4 = as_ipv4(endpoint->host);
  return v4 && is_rfc1918(v4->to_uint());
}

}  // namespace gantry::http
