#include "serve/peer.hpp"

#include "net/tcp_stream.hpp"
#include "runtime/broken_pipe_guard.hpp"
#include "runtime/kernel_copy.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace gantry::serve {
namespace {

namespace asio = boost::asio;

/// One call on the lane: so much that the way there and back does not count, so little that the clients take turns.
constexpr std::uint64_t turn_bytes = std::uint64_t{8} << 20;

/// What one turn came to.
struct turn {
  std::uint64_t sent = 0;
  runtime::kernel_copy_status status = runtime::kernel_copy_status::copied;
  int error = 0;
};

turn send_some(int file, std::uint64_t offset, int socket, std::uint64_t length) {
  const runtime::broken_pipe_guard guard;
  turn done;
  while (done.sent < length) {
    const runtime::kernel_copy moved = runtime::copy_into_socket(file, offset + done.sent, socket, length - done.sent);
    done.status = moved.status;
    done.error = moved.error;
    if (moved.status != runtime::kernel_copy_status::copied) break;
    if (moved.bytes == 0) {  // the file is shorter than it was
      done.status = runtime::kernel_copy_status::failed;
      done.error = EIO;
      break;
    }
    done.sent += moved.bytes;
  }
  return done;
}

class plain_peer final : public net::byte_stream, public file_sender {
 public:
  plain_peer(asio::ip::tcp::socket socket, runtime::lanes& workers) : socket_(std::move(socket)), workers_(workers) {
    error_code ignored;  // then sendfile blocks a worker, not the strand
    socket_.native_non_blocking(true, ignored);
  }

  task<net::read_result> read_some(std::span<std::byte> into) override {
    const asio::mutable_buffer target(into.data(), into.size());
    const auto [code, bytes] = co_await socket_.async_read_some(target, runtime::use_task);
    net::read_result outcome;
    outcome.bytes = bytes;
    if (code != asio::error::eof) outcome.code = code;
    co_return outcome;
  }

  task<error_code> write_all(std::span<const std::byte> bytes) override {
    const asio::const_buffer source(bytes.data(), bytes.size());
    const auto [code, written] = co_await asio::async_write(socket_, source, runtime::use_task);
    co_return code;
  }

  task<error_code> send_file(std::shared_ptr<model::blob_reader> from, std::uint64_t offset, std::uint64_t length,
                             std::function<void(std::uint64_t)> sent) override {
    const int file = from->native_handle();
    if (file < 0) co_return make_error_code(boost::system::errc::operation_not_supported);
    const int socket = socket_.native_handle();
    for (std::uint64_t done = 0; done < length;) {
      if (closed_) co_return asio::error::operation_aborted;
      const std::uint64_t begin = offset + done;
      const std::uint64_t most = std::min(length - done, turn_bytes);
      // The socket outlives the call: close() only shuts it down.
      auto call = [from, file, begin, socket, most] { return send_some(file, begin, socket, most); };
      const turn made = co_await runtime::offload(workers_, runtime::lane::files, std::move(call));
      done += made.sent;
      if (made.sent != 0) sent(made.sent);
      if (made.status == runtime::kernel_copy_status::failed) co_return error_code(made.error, boost::system::system_category());
      if (made.status == runtime::kernel_copy_status::unsupported) {
        if (done == 0) co_return make_error_code(boost::system::errc::operation_not_supported);
        co_return error_code(made.error, boost::system::system_category());
      }
      if (made.status != runtime::kernel_copy_status::would_block) continue;
      const auto [waited] = co_await socket_.async_wait(asio::ip::tcp::socket::wait_write, runtime::use_task);
      if (waited) co_return waited;
    }
    co_return error_code();
  }

  void close() noexcept override {
    // The descriptor stays until the object goes: a worker may be in the middle of a sendfile to it.
    closed_ = true;
    error_code ignored;  // nothing is lost with a socket that cannot be shut down
    socket_.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket_.cancel(ignored);
  }

  bool quiet() noexcept override { return net::socket_is_quiet(socket_); }

 private:
  asio::ip::tcp::socket socket_;
  runtime::lanes& workers_;
  bool closed_ = false;
};

}  // namespace

peer make_plain_peer(asio::ip::tcp::socket socket, runtime::lanes& workers, std::string address) {
  auto made = std::make_unique<plain_peer>(std::move(socket), workers);
  peer client;
  client.files = made.get();
  client.stream = std::move(made);
  client.address = std::move(address);
  return client;
}

}  // namespace gantry::serve
