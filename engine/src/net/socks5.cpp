#include "net/socks5.hpp"

#include <fmt/format.h>
#include <boost/asio/ip/address.hpp>

namespace gantry::net {
namespace {

namespace ip = boost::asio::ip;

constexpr unsigned char no_authentication = 0;
constexpr unsigned char user_and_password = 2;
constexpr unsigned char nothing_acceptable = 0xff;
constexpr unsigned char by_ipv4 = 1;
constexpr unsigned char by_name = 3;
constexpr unsigned char by_ipv6 = 4;

char byte(unsigned value) { return static_cast<char>(static_cast<unsigned char>(value)); }

/// RFC 1928 section 6.
failure reply_failure(unsigned code) {
  switch (code) {
    case 2:
      return {errc::unexpected_status, "its rules do not allow this connection"};
    case 3:
      return {errc::server_error, "it cannot reach that network"};
    case 4:
      return {errc::server_error, "it cannot reach that host, or does not know its name"};
    case 5:
      return {errc::connection_refused, "that host refuses the connection"};
    case 6:
      return {errc::server_error, "that host did not answer in time"};
    default:
      return {errc::server_error, fmt::format("it could not connect (code {})", code)};
  }
}

}  // namespace

socks5_client::socks5_client(std::string_view host, std::uint16_t port, std::string_view username, std::string_view password)
    : host_(host), port_(port), username_(username), password_(password) {
  output_ = {5, byte(username_.empty() ? 1 : 2), byte(no_authentication)};
  if (!username_.empty()) output_ += byte(user_and_password);
}

std::string socks5_client::take_output() {
  std::string out;
  out.swap(output_);
  return out;
}

result<void> socks5_client::feed(std::span<const std::byte> bytes) {
  input_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (input_.size() < needed_) return {};
  return step();
}

void socks5_client::request_connection() {
  error_code named;
  const ip::address literal = ip::make_address(host_, named);
  output_ = {5, 1, 0};
  if (named) {
    output_ += byte(by_name);
    output_ += byte(static_cast<unsigned>(host_.size()));
    output_ += host_;
  } else if (literal.is_v4()) {
    output_ += byte(by_ipv4);
    for (const unsigned char part : literal.to_v4().to_bytes()) output_ += byte(part);
  } else {
    output_ += byte(by_ipv6);
    for (const unsigned char part : literal.to_v6().to_bytes()) output_ += byte(part);
  }
  output_ += byte(port_ >> 8U);
  output_ += byte(port_ & 0xffU);
  state_ = state::connecting;
  // Version, reply, reserved, address type and one byte of the address: the length of a name.
  needed_ = 5;
}

result<void> socks5_client::step() {
  const auto at = [this](std::size_t i) { return static_cast<unsigned char>(input_[i]); };
  const auto odd = [] { return failure(errc::protocol_error, "it does not speak SOCKS5"); };
  switch (state_) {
    case state::choosing: {
      if (at(0) != 5) return odd();
      const unsigned char method = at(1);
      if (method == nothing_acceptable) {
        return failure(errc::unexpected_status,
                       username_.empty() ? "it asks for a user name and password; write them into its URL: socks5://USER:PASSWORD@HOST"
                                         : "it accepts neither the user name and password nor a request without them");
      }
      input_.clear();
      if (method == user_and_password && !username_.empty()) {
        output_ = {1, byte(static_cast<unsigned>(username_.size()))};
        output_ += username_;
        output_ += byte(static_cast<unsigned>(password_.size()));
        output_ += password_;
        state_ = state::authenticating;
        needed_ = 2;
        return {};
      }
      if (method != no_authentication) return odd();
      request_connection();
      return {};
    }
    case state::authenticating:
      if (at(1) != 0) return failure(errc::unexpected_status, "it does not accept the user name and password in its URL");
      input_.clear();
      request_connection();
      return {};
    case state::connecting: {
      if (at(0) != 5) return odd();
      if (at(1) != 0) return reply_failure(at(1));
      const unsigned char type = at(3);
      if (type != by_ipv4 && type != by_name && type != by_ipv6) return odd();
      const std::size_t address = type == by_ipv4 ? 4 : type == by_ipv6 ? 16 : std::size_t{1} + at(4);
      needed_ = 4 + address + 2;
      state_ = state::binding;
      return {};
    }
    case state::binding:
      state_ = state::open;
      return {};
    case state::open:
      break;
  }
  return odd();
}

}  // namespace gantry::net
