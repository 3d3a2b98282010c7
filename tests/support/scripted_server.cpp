#include "support/scripted_server.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace gantry::test {

struct scripted_server::state {
  std::vector<conversation> script;
  socket_handle listener = listen_on_loopback();
  std::atomic<bool> stopping = false;
  std::atomic<unsigned> accepted = 0;
  std::mutex mutex;
  std::vector<int> open;              // guarded by mutex
  std::vector<std::thread> speakers;  // acceptor's
  std::thread acceptor;

  void accept_all() {
    while (!stopping) {
      pollfd readable{listener.fd(), POLLIN, 0};
      if (::poll(&readable, 1, 20) <= 0) continue;
      socket_handle connection(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      const std::size_t number = std::min<std::size_t>(accepted++, script.size() - 1);
      {
        const std::scoped_lock lock(mutex);
        open.push_back(connection.fd());
      }
      speakers.emplace_back([this, number, mine = std::move(connection)]() mutable {
        script[number](mine);
        const std::scoped_lock lock(mutex);
        std::erase(open, mine.fd());
        mine.close();
      });
    }
  }
};

scripted_server::scripted_server(std::vector<conversation> script) : state_(std::make_unique<state>()) {
  state_->script = std::move(script);
  state_->acceptor = std::thread([this] { state_->accept_all(); });
}

scripted_server::~scripted_server() {
  state_->stopping = true;
  state_->acceptor.join();
  {
    const std::scoped_lock lock(state_->mutex);
    for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& speaker : state_->speakers) speaker.join();
}

std::uint16_t scripted_server::port() const noexcept { return port_of(state_->listener); }
unsigned scripted_server::connections() const { return state_->accepted; }

std::string receive_head(socket_handle& connection) {
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    // Not a byte of what follows it.
    const std::string more = connection.receive(1);
    if (more.empty()) return {};
    head += more;
  }
  return head;
}

void await_end(socket_handle& connection) {
  while (!connection.receive(4096).empty()) continue;
}

conversation answers(std::vector<std::string> texts) {
  return [texts = std::move(texts)](socket_handle& connection) {
    for (const std::string& text : texts) {
      if (receive_head(connection).empty() || !connection.send(text)) return;
    }
    await_end(connection);
  };
}

silent_port::silent_port(std::uint8_t host, std::uint16_t port) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl((INADDR_LOOPBACK & 0xffffff00U) | host);
  address.sin_port = htons(port);
  if (::bind(listener_.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::listen(listener_.fd(), 0) != 0) {
    throw std::system_error(errno, std::generic_category(), "listen");
  }
  address.sin_port = htons(port_of(listener_));
  for (int i = 0; i < 4; ++i) {
    queued_.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::connect(queued_.back().fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
}

}  // namespace gantry::test
