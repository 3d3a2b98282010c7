#pragma once

#include "runtime/buffer_pool.hpp"
#include "runtime/deadline.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"
#include "serve/handler.hpp"
#include "serve/peer.hpp"
#include "serve/request_parser.hpp"

#include <gantry/serve.hpp>

#include <boost/intrusive/list.hpp>

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace gantry::serve {

/// What the connections of one server share; outlives them.
struct connection_context {
  handler& answers;
  runtime::lanes& lanes;
  runtime::buffer_pool& buffers;  ///< for what does not go out by sendfile
  const serve_limits& limits;
  std::function<void(served_request)> report;
  runtime::stop_source& draining;  ///< no further requests
  runtime::stop_source& cutting;   ///< and no further bytes
};

/// One client: reads requests and sends answers, one after the other, until either side has enough. Used on the strand.
class connection : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  /// Those that wait for a request, the longest waiting first.
  using idle_list = boost::intrusive::list<connection, boost::intrusive::constant_time_size<false>>;

  connection(connection_context& shared, peer client, idle_list& idle) : shared_(shared), client_(std::move(client)), idle_(idle) {}
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// To the end of the connection.
  task<> run();

  void close() noexcept { client_.stream->close(); }

 private:
  /// Reads one head. \returns false when the connection has ended instead.
  task<bool> read_head(request_parser& parser, runtime::deadline& timer);
  /// \returns whether the connection can go on.
  task<bool> serve_one(request_parser& parser, runtime::deadline& timer);
  task<bool> send(answer reply, bool head_only, bool keep_alive, runtime::deadline& timer);
  task<bool> send_bytes(std::span<const std::byte> bytes, runtime::deadline& timer);
  task<bool> send_stored(stored_part part, runtime::deadline& timer);
  task<bool> send_arriving(arriving_part part, runtime::deadline& timer);
  task<> linger(runtime::deadline& timer);
  std::chrono::milliseconds patience() const;
  void progressed(std::uint64_t bytes, runtime::deadline& timer);

  connection_context& shared_;
  peer client_;
  idle_list& idle_;
  std::array<std::byte, 4096> input_;
  std::size_t begin_ = 0;  ///< of what was read and not yet parsed
  std::size_t end_ = 0;
  std::uint64_t body_sent_ = 0;
  std::uint64_t since_extension_ = 0;
  bool waiting_ = false;
};

}  // namespace gantry::serve
