#include "net/tcp_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace gantry::net {
namespace {

namespace asio = boost::asio;

read_result receive_now(asio::ip::tcp::socket& socket, std::span<std::byte> into, int flags) noexcept {
  if (!socket.is_open()) return {asio::error::bad_descriptor, 0};
  ssize_t got = 0;
  do {
    got = ::recv(socket.native_handle(), into.data(), into.size(), flags | MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got >= 0) return {{}, static_cast<std::size_t>(got)};
  if (errno == EAGAIN || errno == EWOULDBLOCK) return {asio::error::would_block, 0};
  return {error_code(errno, asio::error::get_system_category()), 0};
}

class tcp_stream final : public byte_stream {
 public:
  explicit tcp_stream(asio::ip::tcp::socket socket) : socket_(std::move(socket)) {}

  task<read_result> read_some(std::span<std::byte> into) override {
    const asio::mutable_buffer target(into.data(), into.size());
    const auto [code, bytes] = co_await socket_.async_read_some(target, runtime::use_task);
    read_result outcome;
    outcome.bytes = bytes;
    if (code != asio::error::eof) outcome.code = code;
    co_return outcome;
  }

  read_result read_now(std::span<std::byte> into) noexcept override { return receive_now(socket_, into, 0); }

  task<error_code> write_all(std::span<const std::byte> bytes) override {
    const asio::const_buffer source(bytes.data(), bytes.size());
    const auto [code, written] = co_await asio::async_write(socket_, source, runtime::use_task);
    co_return code;
  }

  void close() noexcept override {
    error_code ignored;  // nothing is lost with a socket that cannot be closed
    socket_.close(ignored);
  }

  bool quiet() noexcept override { return socket_is_quiet(socket_); }

 private:
  asio::ip::tcp::socket socket_;
};

}  // namespace

std::unique_ptr<byte_stream> make_tcp_stream(asio::ip::tcp::socket socket) { return std::make_unique<tcp_stream>(std::move(socket)); }

bool socket_is_quiet(asio::ip::tcp::socket& socket) noexcept {
  std::byte next;
  return receive_now(socket, std::span(&next, 1), MSG_PEEK).code == asio::error::would_block;
}

}  // namespace gantry::net
