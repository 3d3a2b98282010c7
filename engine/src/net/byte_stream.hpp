#pragma once

#include "runtime/task.hpp"

#include <gantry/error.hpp>

#include <boost/asio/error.hpp>

#include <cstddef>
#include <span>

namespace gantry::net {

using runtime::task;

/// What one read brought. No error and no bytes: the peer ended the stream properly.
struct read_result {
  error_code code;
  std::size_t bytes = 0;
};

/// A connected, ordered stream of bytes: TCP, TLS, or a tunnel. Used on the strand alone; at most one read and one write at a time.
/// The virtual call keeps the templates of Asio's sockets in one translation unit.
class byte_stream {
 public:
  virtual ~byte_stream() = default;

  /// Reads what is there, at least one byte. A TLS stream that ends without close_notify reports asio::ssl::error::stream_truncated.
  virtual task<read_result> read_some(std::span<std::byte> into) = 0;

  /// The same without waiting; asio::error::would_block when nothing is there, or when the stream cannot tell. Not while a read is pending.
  virtual read_result read_now(std::span<std::byte> /*into*/) noexcept { return {boost::asio::error::would_block, 0}; }

  virtual task<error_code> write_all(std::span<const std::byte> bytes) = 0;

  /// Closes without ceremony; a pending read or write ends with operation_aborted. May be called more than once.
  virtual void close() noexcept = 0;

  /// Whether the peer has been silent since the last message: false when bytes or an end of stream wait. Only asked between messages.
  virtual bool quiet() noexcept = 0;
};

}  // namespace gantry::net
