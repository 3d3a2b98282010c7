#pragma once

#include "base/failure.hpp"
#include "config/proxy.hpp"
#include "net/byte_stream.hpp"
#include "net/resolver.hpp"
#include "net/tls.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gantry::net {

/// Where to connect and how. Two connections are interchangeable exactly when their endpoints are equal.
struct endpoint {
  std::string host;  ///< name or address literal, without brackets
  std::uint16_t port = 0;
  bool secure = true;  ///< TLS
  tls_settings tls;
  std::optional<config::proxy> via;
  tls_settings proxy_tls;  ///< of the connection to an https proxy

  /// Whether requests go to the proxy itself, in absolute-form, and not through a tunnel.
  bool is_relayed() const noexcept { return via && !secure && via->kind != config::proxy_kind::socks5; }

  friend bool operator==(const endpoint&, const endpoint&) = default;
  friend std::strong_ordering operator<=>(const endpoint&, const endpoint&) = default;
};

/// `host:port`, an IPv6 literal in brackets.
std::string to_string(const endpoint& value);

struct connect_limits {
  std::chrono::milliseconds connect{30'000};  ///< per address
  std::chrono::milliseconds tls{10'000};
  int receive_buffer =
      0;  ///< bytes that the system may take from the line before they are asked for, per connection; 0: as many as it likes
};

/// Opens streams: resolves, races the addresses (RFC 8305), tunnels through proxies, shakes hands.
class connector {
 public:
  connector(runtime::lanes& workers, connect_limits limits) : resolver_(workers), limits_(limits) {}

  /// \returns a stream that is ready for the first request. Errors name the endpoint: errc::name_not_resolved, connection_refused,
  /// timed_out, and those of \ref tls_connector::handshake and \ref open_tunnel. Behind a proxy only the proxy resolves the host. An
  /// address that accepts connections and then fails the handshake makes way for the host's next one.
  task<result<std::unique_ptr<byte_stream>>> connect(endpoint where, runtime::stop_source& stop);

  /// The same with \p addresses, tried in their order, in place of those of the host; at least one.
  task<result<std::unique_ptr<byte_stream>>> connect_to(std::vector<boost::asio::ip::address> addresses, endpoint where,
                                                        runtime::stop_source& stop);

 private:
  struct opened;
  task<result<opened>> open(std::vector<boost::asio::ip::address> addresses, endpoint where, runtime::stop_source& stop);
  task<result<std::unique_ptr<byte_stream>>> secure(std::unique_ptr<byte_stream> plain, endpoint where, runtime::stop_source& stop);

  resolver resolver_;
  tls_connector tls_;
  connect_limits limits_;
};

}  // namespace gantry::net
