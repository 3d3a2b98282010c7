#pragma once

#include "base/failure.hpp"
#include "http/chunked.hpp"
#include "http/connection_pool.hpp"
#include "http/message.hpp"
#include "http/wire.hpp"
#include "runtime/stop.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

namespace gantry::http {

/// One answer whose head is there and whose body is read by the caller. Size and framing are verified inside \ref read, before the end is
/// reported. Destroyed before the end of the body it closes the connection, else the connection goes back to the pool. Used on the strand
/// alone; the client and the stop source must outlive it.
class exchange {
 public:
  exchange(exchange&&) noexcept;
  exchange& operator=(exchange&&) noexcept;
  ~exchange();

  const response_head& head() const noexcept { return head_; }
  /// Where the request went, for messages; no query. Not always a URL, see request::shown.
  const std::string& where() const noexcept { return where_; }
  /// Whom it went to.
  const origin& asked() const noexcept { return asked_; }
  method verb() const noexcept { return verb_; }
  /// Tells exchanges over one connection from those over another.
  std::uint64_t connection_number() const noexcept { return connection_number_; }

  /// Whether the request waited behind others: its answer may have been here before it was looked for.
  bool went_behind() const noexcept { return behind_; }

  /// Bytes of a body with a length that have not been read yet; 0 for other framings.
  std::uint64_t left() const noexcept { return remaining_; }

  /// About how many bytes the connection holds that nobody has read, of this answer and of what may follow it: what is thrown away if it is
  /// closed now. 0 once it has been given back or is broken.
  std::uint64_t unread() const noexcept;

  /// Reads some of the body into \p into. \returns 0 at its end. errc::connection_lost when it breaks off, errc::timed_out after silence,
  /// errc::protocol_error, errc::cancelled.
  task<result<std::size_t>> read(std::span<std::byte> into);

  /// The whole body; errc::limit_exceeded when it is longer than \p cap bytes.
  task<result<std::string>> read_all(std::size_t cap);

 private:
  friend class client;
  exchange(connection_pool& pool, std::unique_ptr<connection> line, response_head head, exchange_limits limits, runtime::stop_source& stop,
           const request& message, std::string where);
  task<result<std::size_t>> receive(std::span<std::byte> into);
  void finish();
  /// The connection has come to nothing before the end of the answer.
  void broken();

  connection_pool* pool_;
  std::unique_ptr<connection> line_;  ///< empty once given back
  response_head head_;
  exchange_limits limits_;
  runtime::stop_source* stop_;
  std::string where_;
  origin asked_;
  method verb_;
  std::uint64_t connection_number_;
  std::uint64_t remaining_ = 0;  ///< with body_framing::length
  chunked_decoder chunks_;
  bool complete_ = false;
  bool behind_ = false;
};

}  // namespace gantry::http
