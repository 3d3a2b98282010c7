#pragma once

#include "net/byte_stream.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <memory>

namespace gantry::net {

/// A plain stream over a connected socket.
std::unique_ptr<byte_stream> make_tcp_stream(boost::asio::ip::tcp::socket socket);

}  // namespace gantry::net
