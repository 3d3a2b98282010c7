#pragma once

#include "runtime/task.hpp"

#include <gantry/error.hpp>

#include <boost/asio/error.hpp>

#include <cstddef>
#include <functional>
#include <span>

namespace gantry::net {

using runtime::task;

/// What one read brought. No error and no bytes: the peer ended the stream properly.
struct read_result {
  error_code code;
  std::size_t bytes = 0;
};

/// What is made of words of the peer that come while something is written to it.
enum class hearing {
  go_on,    ///< nothing that matters yet
  enough,   ///< the write goes on, and nobody listens any more
  give_up,  ///< the write is of no use any more
};
/// Looks at what has come, with byte_stream::read_now.
using listener = std::function<hearing()>;

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

  /// The same for who wants to know what the peer says meanwhile: \p listens is called on the strand when something may have come, the end
  /// of the stream included, also since the last such write. After hearing::give_up it ends with operation_aborted, and nobody knows how
  /// much of \p bytes was written. Not while a read is pending. A stream that cannot tell never calls it.
  virtual task<error_code> write_heard(std::span<const std::byte> bytes, const listener& /*listens*/) { return write_all(bytes); }

  /// Closes without ceremony; a pending read or write ends with operation_aborted. May be called more than once.
  virtual void close() noexcept = 0;

  /// Whether the peer has been silent since the last message: false when bytes or an end of stream wait. Only asked between messages.
  virtual bool quiet() noexcept = 0;

  /// About how many bytes have come and are not read: those that the system holds for the socket, and what this stream has taken from it
  /// and not passed on. Also while a read is pending; 0 when nothing is there or the stream cannot tell.
  virtual std::size_t unread() const noexcept { return 0; }
};

}  // namespace gantry::net
