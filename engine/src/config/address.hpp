#pragma once

#include <boost/asio/ip/address.hpp>

#include <optional>
#include <string_view>

namespace gantry::config {

/// A literal address, a zone of IPv6 left aside; nothing for a name.
std::optional<boost::asio::ip::address> as_address(std::string_view host);

struct host_and_port {
  std::string_view host;
  std::string_view port;  ///< without colon, empty when there is none
};

/// Splits `host`, `host:port`, `[v6]`, `[v6]:port`; a bare IPv6 literal is a host. Nothing when brackets do not match.
std::optional<host_and_port> split_host_and_port(std::string_view text);

/// Whether \p network, `address/bits`, holds \p address; false when it is no network.
bool in_network(std::string_view network, const boost::asio::ip::address& address);

}  // namespace gantry::config
