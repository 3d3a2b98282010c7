#pragma once

#include "net/byte_stream.hpp"

#include <boost/asio/steady_timer.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

namespace gantry::test {

/// What became of a \ref scripted_stream; outlives it.
struct stream_record {
  std::string written;
  unsigned reads = 0;
  bool closed = false;  ///< closed or destroyed
};

/// A byte_stream without a socket that plays a script: each read takes the next step, or a part of it.
class scripted_stream final : public net::byte_stream {
 public:
  struct step {
    std::string bytes;  ///< delivered, in several reads when the reader's span is smaller
    error_code code;    ///< then this; with no bytes and no code: the end of the stream
    bool stall = false;
    unsigned trickle = 0;  ///< at most that many bytes a read, 0 = no limit
  };
  static step text(std::string_view bytes, unsigned trickle = 0);
  static step end();
  static step fail(error_code code);
  /// Nothing comes until the stream is closed.
  static step stall();

  scripted_stream(const runtime::executor& where, std::deque<step> script, std::shared_ptr<stream_record> record);
  ~scripted_stream() override;

  /// Whether \ref quiet says so.
  bool is_quiet = true;
  /// What writing ends with.
  error_code write_code;

  net::task<net::read_result> read_some(std::span<std::byte> into) override;
  net::task<error_code> write_all(std::span<const std::byte> bytes) override;
  void close() noexcept override;
  bool quiet() noexcept override { return is_quiet && !record_->closed; }
  /// What is left of the next step.
  std::size_t unread() const noexcept override { return script_.empty() ? 0 : script_.front().bytes.size(); }

 private:
  boost::asio::steady_timer closed_;
  std::deque<step> script_;
  std::shared_ptr<stream_record> record_;
};

}  // namespace gantry::test
