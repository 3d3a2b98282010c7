#include "config/address.hpp"

#include <gantry/error.hpp>

#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <algorithm>
#include <string>

namespace gantry::config {

namespace ip = boost::asio::ip;

std::optional<ip::address> as_address(std::string_view host) {
  error_code code;
  const ip::address value = ip::make_address(std::string(host.substr(0, host.find('%'))), code);
  return code ? std::nullopt : std::optional(value);
}

std::optional<host_and_port> split_host_and_port(std::string_view text) {
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    return host_and_port{text.substr(1, close - 1), rest.empty() ? rest : rest.substr(1)};
  }
  if (std::count(text.begin(), text.end(), ':') != 1) return host_and_port{text, {}};
  const std::size_t colon = text.find(':');
  return host_and_port{text.substr(0, colon), text.substr(colon + 1)};
}

bool in_network(std::string_view network, const ip::address& address) {
  error_code code;
  const std::string text(network);
  if (address.is_v4()) {
    const auto range = ip::make_network_v4(text, code);
    if (code) return false;
    return ip::network_v4(address.to_v4(), range.prefix_length()).canonical() == range.canonical();
  }
  const auto range = ip::make_network_v6(text, code);
  if (code) return false;
  return ip::network_v6(address.to_v6(), range.prefix_length()).canonical() == range.canonical();
}

}  // namespace gantry::config
