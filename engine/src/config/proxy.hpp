#pragma once

#include "base/failure.hpp"

#include <gantry/network.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::config {

enum class proxy_kind {
  http,    ///< CONNECT, or absolute-form for clear text
  https,   ///< the same, with TLS to the proxy itself
  socks5,  ///< RFC 1928; names are resolved by the proxy
};

/// One proxy.
struct proxy {
  proxy_kind kind = proxy_kind::http;
  std::string host;  ///< ASCII, lower case; an IPv6 literal without brackets
  std::uint16_t port = 0;
  std::string username;
  std::string password;

  friend bool operator==(const proxy&, const proxy&) = default;
  friend std::strong_ordering operator<=>(const proxy&, const proxy&) = default;

  /// `scheme://host[:port]`, the port only when it is not the scheme's own. Never the credentials.
  std::string string() const;
};

/// Reads `[scheme://][user[:password]@]host[:port]`; without scheme it is an http proxy, `socks5` and `socks5h` are the same.
/// errc::invalid_option; the message never repeats user name or password.
result<proxy> parse_proxy(std::string_view text);

/// Which proxy a URL is asked through: the rules of Go's httpproxy, which docker, podman and containerd follow.
class proxy_rules {
 public:
  proxy_rules() = default;
  explicit proxy_rules(proxy_settings settings);

  /// \param scheme http or https; others have no proxy \param host without brackets
  /// \returns nothing for a direct connection. errc::invalid_option for a proxy that cannot be used.
  result<std::optional<proxy>> choose(std::string_view scheme, std::string_view host, std::uint16_t port) const;

 private:
  bool exempt(std::string_view host, std::uint16_t port) const;

  std::optional<result<proxy>> http_;
  std::optional<result<proxy>> https_;
  bool cgi_ = false;
  bool loopback_ = false;
  bool everything_exempt_ = false;
  std::vector<std::string> exemptions_;  ///< trimmed, lower case
};

}  // namespace gantry::config
