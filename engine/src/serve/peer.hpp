#pragma once

#include "model/blob_source.hpp"
#include "net/byte_stream.hpp"
#include "runtime/lanes.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gantry::serve {

using runtime::task;

/// A stream that can send a part of a file without its bytes passing through this process.
class file_sender {
 public:
  virtual ~file_sender() = default;

  /// \param sent called with the number of bytes each time the peer has taken some
  /// \returns operation_not_supported when this file cannot be sent like that; nothing was sent then
  virtual task<error_code> send_file(std::shared_ptr<model::blob_reader> from, std::uint64_t offset, std::uint64_t length,
                                     std::function<void(std::uint64_t)> sent) = 0;
};

/// A client that has connected.
struct peer {
  std::unique_ptr<net::byte_stream> stream;
  file_sender* files = nullptr;  ///< \ref stream itself when it can; null: bytes have to be written
  std::string address;           ///< `host:port`, an IPv6 literal in brackets
};

/// A client over plain TCP; blobs go out by sendfile on a worker lane, which may have to wait for the disk.
peer make_plain_peer(boost::asio::ip::tcp::socket socket, runtime::lanes& workers, std::string address);

}  // namespace gantry::serve
