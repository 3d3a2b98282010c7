#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gantry::net {

/// The client's half of opening a connection through a SOCKS5 proxy (RFC 1928, RFC 1929); does no I/O. Names go to the proxy as names.
class socks5_client {
 public:
  /// \param host at most 255 bytes; an address literal is sent as an address. User name and password: at most 255 bytes each.
  socks5_client(std::string_view host, std::uint16_t port, std::string_view username, std::string_view password);

  /// Bytes to send now; empty while the proxy has to answer. Taken away by the call.
  std::string take_output();
  /// How many bytes the proxy must send before there is something to do: never more than belong to it.
  std::size_t wanted() const noexcept { return needed_ - input_.size(); }
  /// Takes at most \ref wanted bytes. errc::unexpected_status: credentials or rules; errc::protocol_error; errc::server_error and
  /// connection_refused, name_not_resolved for what the proxy says about the way behind it.
  result<void> feed(std::span<const std::byte> bytes);
  bool done() const noexcept { return state_ == state::open; }

 private:
  enum class state {
    choosing,        ///< method selection is awaited
    authenticating,  ///< the answer to user name and password is awaited
    connecting,      ///< the fixed part of the reply is awaited
    binding,         ///< the address in the reply is awaited
    open,            ///< bytes go through from here on
  };
  result<void> step();
  void request_connection();

  std::string host_;
  std::uint16_t port_;
  std::string username_;
  std::string password_;
  state state_ = state::choosing;
  std::string output_;
  std::string input_;
  std::size_t needed_ = 2;
};

}  // namespace gantry::net
