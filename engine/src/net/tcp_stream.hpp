#pragma once

#include "net/byte_stream.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace gantry::net {

/// A plain stream over a connected socket.
std::unique_ptr<byte_stream> make_tcp_stream(boost::asio::ip::tcp::socket socket);

/// Whether nothing waits to be read on \p socket, not even an end of stream.
bool socket_is_quiet(boost::asio::ip::tcp::socket& socket) noexcept;

}  // namespace gantry::net
