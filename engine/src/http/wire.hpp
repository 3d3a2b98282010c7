#pragma once

#include "base/failure.hpp"
#include "http/body_source.hpp"
#include "http/connection_pool.hpp"
#include "http/head_parser.hpp"
#include "runtime/deadline.hpp"
#include "runtime/stop.hpp"

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gantry::http {

/// Waiting for the network, never for the consumer (DESIGN section 7).
struct exchange_limits {
  std::chrono::milliseconds header{180'000};
  std::chrono::milliseconds idle{30'000};
  /// What a host may ask us to wait; beyond it the request fails at once.
  std::chrono::milliseconds patience{15 * 60'000};
};

/// One read or write with its time limit; why it ended is told by the failure.
struct timed {
  runtime::deadline late;
  runtime::stop_source::registration stopped;

  timed(const runtime::executor& executor, net::byte_stream& stream, std::chrono::milliseconds limit, runtime::stop_source& stop)
      : late(executor, limit, [&stream] { stream.close(); }), stopped(stop, [&stream] { stream.close(); }) {}
};

/// errc::connection_lost. \param where the request, for messages \param what when it happened
failure lost(const std::string& where, std::string_view what);

/// Why a read or write under \p guard ended with \p code: a stop, the time limit, a word of TLS, or the connection.
failure why(const timed& guard, const runtime::stop_source& stop, error_code code, const connection& line, const std::string& where,
            std::string_view doing);

enum class head_outcome {
  ready,      ///< the head is complete
  swallowed,  ///< the connection ended before the first byte
  foreign,    ///< something else came than an answer
  failed,     ///< see the failure
};

struct head_result {
  head_outcome outcome = head_outcome::failed;
  failure error;
};

/// Reads the head of the answer. \param doing what is said of a connection that ends here
task<head_result> read_head(connection& line, head_parser& parser, exchange_limits limits, runtime::stop_source& stop, std::string where,
                            std::string_view doing);

task<error_code> write_request(net::byte_stream& stream, std::span<const std::byte> bytes, std::chrono::milliseconds limit,
                               runtime::stop_source& stop);

/// Hears an answer that comes while its request is still written (RFC 9112 section 9.5). What has come lies unread in the connection.
class early_answer {
 public:
  /// \param line whose only exchange this is; must outlive it
  explicit early_answer(connection& line);
  early_answer(const early_answer&) = delete;
  early_answer& operator=(const early_answer&) = delete;

  /// \returns false when the connection takes no more, or what it takes is of no use: an error has been answered.
  task<bool> write(std::span<const std::byte> bytes, std::chrono::milliseconds limit, runtime::stop_source& stop);

 private:
  net::hearing listen();

  connection& line_;
  net::hearing said_ = net::hearing::go_on;
  net::listener listens_;
};

/// Writes what \p body supplies, in pieces that a slow line takes within the idle limit. \param chunked in the chunked transfer coding
/// \returns what \p body failed with, or an empty result with \p cut set when the connection takes no more or has answered with an error.
task<result<void>> write_body(connection& line, body_source& body, bool chunked, exchange_limits limits, runtime::stop_source& stop,
                              bool& cut);

}  // namespace gantry::http
