#include "net/tcp_stream.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <memory>
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
  ~tcp_stream() override {
    if (ear_) ear_->owner = nullptr;
  }

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

  task<error_code> write_heard(std::span<const std::byte> bytes, const listener& listens) override {
    if (!ear_) ear_ = std::make_shared<ear>(ear{this});
    const std::shared_ptr<ear> mine = ear_;
    if (std::exchange(mine->heard, false) && listens() == hearing::give_up) co_return error_code(asio::error::operation_aborted);
    // One wait for many writes: it is there until something comes, and costs them nothing.
    if (!mine->waiting) await_words();
    mine->listens = &listens;
    error_code ended;
    // Part by part: a cancellation that comes while the end of one part is on its way would not be seen by a single long write.
    while (!bytes.empty() && !ended) {
      const auto [code, written] = co_await socket_.async_write_some(asio::const_buffer(bytes.data(), bytes.size()), runtime::use_task);
      bytes = bytes.subspan(written);
      ended = code;
      if (std::exchange(mine->gives_up, false)) ended = asio::error::operation_aborted;
    }
    mine->listens = nullptr;
    co_return ended;
  }

  void close() noexcept override {
    error_code ignored;  // nothing is lost with a socket that cannot be closed
    socket_.close(ignored);
  }

  bool quiet() noexcept override { return socket_is_quiet(socket_); }

  std::size_t unread() const noexcept override {
    error_code failed;  // nothing can be read of such a socket
    return socket_.available(failed);
  }

 private:
  /// Who listens beside the writes. Shared with the wait, whose end may come after that of the stream.
  struct ear {
    tcp_stream* owner = nullptr;        ///< null once that is gone
    const listener* listens = nullptr;  ///< during a write
    bool waiting = false;
    bool heard = false;     ///< something may have come that nobody has looked at
    bool gives_up = false;  ///< the write under way is to end
  };

  void await_words() {
    ear_->waiting = true;
    socket_.async_wait(asio::ip::tcp::socket::wait_read, [mine = ear_](error_code code) {
      mine->waiting = false;
      if (code || mine->owner == nullptr) return;
      if (mine->listens == nullptr) {
        mine->heard = true;
        return;
      }
      const hearing said = (*mine->listens)();
      if (said == hearing::go_on) mine->owner->await_words();
      error_code ignored;  // of a socket that is closed nothing needs to be ended
      if (said != hearing::give_up) return;
      mine->gives_up = true;
      mine->owner->socket_.cancel(ignored);
    });
  }

  asio::ip::tcp::socket socket_;
  std::shared_ptr<ear> ear_;  ///< once somebody listens
};

}  // namespace

std::unique_ptr<byte_stream> make_tcp_stream(asio::ip::tcp::socket socket) { return std::make_unique<tcp_stream>(std::move(socket)); }

bool socket_is_quiet(asio::ip::tcp::socket& socket) noexcept {
  std::byte next;
  return receive_now(socket, std::span(&next, 1), MSG_PEEK).code == asio::error::would_block;
}

}  // namespace gantry::net
