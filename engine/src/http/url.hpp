#pragma once

#include "base/failure.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace gantry::http {

/// Scheme, host and port: what a connection is opened to and what credentials are bound to (RFC 6454).
struct origin {
  std::string scheme;  ///< "http" or "https"
  std::string host;    ///< lower case; an IPv6 literal in its shortest form, without brackets
  std::uint16_t port = 0;

  friend bool operator==(const origin&, const origin&) = default;
  friend std::strong_ordering operator<=>(const origin&, const origin&) = default;

  bool is_tls() const noexcept { return scheme == "https"; }
  bool has_default_port() const noexcept { return port == (is_tls() ? 443 : 80); }

  /// The Host header's value: the port only when it is not the scheme's, IPv6 in brackets (RFC 9110 section 7.2).
  std::string host_header() const;
  /// `host:port`, always with port, IPv6 in brackets.
  std::string authority() const;
  /// `scheme://host[:port]`
  std::string string() const;

  /// 127.0.0.0/8, ::1, `localhost` and names below it.
  bool is_loopback() const;
  /// A literal address that is not reachable as a public one: loopback, private, link-local, shared, unspecified, multicast, reserved; and
  /// `localhost`. Other names are never resolved here.
  bool is_private() const;
};

/// An absolute http or https URL without user name and fragment.
struct url {
  gantry::http::origin origin;
  std::string target;  ///< path and query as sent, starts with '/'

  /// Parses an absolute URL (RFC 3986). A fragment is dropped. errc::protocol_error: another scheme, a user name or password (they would
  /// end in logs and be sent nowhere), a missing host, a host that only looks like an IPv4 address (`127.1`, `0x7f000001`), an IPv6 zone,
  /// port 0, blanks or control characters.
  static result<url> parse(std::string_view absolute);

  /// Resolves a Location or Link reference against the URL that was asked for (RFC 3986 section 5.2). Errors as \ref parse.
  static result<url> resolve(const url& base, std::string_view reference);

  std::string string() const;

  friend bool operator==(const url&, const url&) = default;
};

/// The origin of a registry named `host[:port]`, as in a reference: host lower-cased, the port the scheme's own when absent or empty; bare
/// IPv6 literals are accepted. errc::invalid_reference when it is no host. Says nothing about aliases such as docker.io.
result<origin> endpoint_of(std::string_view registry, std::string_view scheme);

/// Whether a registry may be tried in clear text after TLS failed without being told so: it is on this machine (\ref origin::is_loopback).
bool is_loopback_registry(std::string_view registry);

/// Whether a registry is named by a private IPv4 address (RFC 1918), which is worth a hint when TLS fails.
bool is_private_network_registry(std::string_view registry);

}  // namespace gantry::http
