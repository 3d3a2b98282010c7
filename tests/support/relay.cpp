#include "support/relay.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

namespace gantry::test {

struct relay::state {
  std::uint16_t upstream = 0;
  socket_handle listener;
  std::uint16_t port = 0;

  std::mutex mutex;
  std::condition_variable changed;
  bool stopping = false;
  std::uint64_t rate = 0;
  std::uint64_t down = 0;
  std::uint64_t up = 0;
  std::uint64_t cut_after = 0;
  unsigned accepted = 0;
  std::set<int> open;
  std::chrono::steady_clock::time_point free_at{};
  std::vector<std::thread> threads;

  void accept_loop() {
    for (;;) {
      const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      const std::scoped_lock lock(mutex);
      if (stopping) return socket_handle(fd).close();
      if (fd < 0) continue;
      ++accepted;
      open.insert(fd);
      threads.emplace_back([this, fd] { carry(socket_handle(fd)); });
    }
  }

  void carry(socket_handle client) {
    const int fd = client.fd();
    try {
      socket_handle server = connect_to_loopback(upstream);
      std::array<pollfd, 2> waits{pollfd{client.fd(), POLLIN, 0}, pollfd{server.fd(), POLLIN, 0}};
      std::uint64_t carried = 0;
      for (bool going = true; going && ::poll(waits.data(), waits.size(), -1) > 0;) {
        if (waits[0].revents != 0) going = pass_up(client, server, carried);
        if (going && waits[1].revents != 0) going = pass_down(server, client);
      }
    } catch (const std::system_error&) {
      // Nobody listens behind the relay: the client sees its connection end.
    }
    const std::scoped_lock lock(mutex);
    open.erase(fd);
    client.close();
  }

  bool pass_up(socket_handle& from, socket_handle& to, std::uint64_t& carried) {
    const std::string bytes = from.receive(65536, std::chrono::milliseconds(0));
    carried += bytes.size();
    {
      const std::scoped_lock lock(mutex);
      up += bytes.size();
      if (cut_after > 0 && carried > cut_after) return false;
    }
    return !bytes.empty() && to.send(bytes);
  }

  bool pass_down(socket_handle& from, socket_handle& to) {
    const std::string bytes = from.receive(65536, std::chrono::milliseconds(0));
    if (bytes.empty()) return false;
    std::unique_lock lock(mutex);
    if (rate > 0) {
      const auto now = std::chrono::steady_clock::now();
      free_at = std::max(free_at, now) + std::chrono::microseconds(bytes.size() * 1'000'000 / rate);
      changed.wait_until(lock, free_at, [this] { return stopping || rate == 0; });
    }
    if (stopping) return false;
    down += bytes.size();
    lock.unlock();
    return to.send(bytes);
  }
};

relay::relay(std::uint16_t upstream) : state_(std::make_unique<state>()) {
  state_->upstream = upstream;
  state_->listener = listen_on_loopback();
  state_->port = port_of(state_->listener);
  state_->threads.emplace_back([s = state_.get()] { s->accept_loop(); });
}

relay::~relay() {
  std::vector<std::thread> threads;
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
    ::shutdown(state_->listener.fd(), SHUT_RDWR);
    for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
    threads.swap(state_->threads);
  }
  for (std::thread& thread : threads) thread.join();
}

std::uint16_t relay::port() const noexcept { return state_->port; }

void relay::limit(std::uint64_t bytes_per_second) {
  const std::scoped_lock lock(state_->mutex);
  state_->rate = bytes_per_second;
  state_->changed.notify_all();
}

std::uint64_t relay::bytes_down() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->down;
}

std::uint64_t relay::bytes_up() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->up;
}

void relay::cut_each_after(std::uint64_t bytes) {
  const std::scoped_lock lock(state_->mutex);
  state_->cut_after = bytes;
}

unsigned relay::connections() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->accepted;
}

unsigned relay::open_connections() const {
  const std::scoped_lock lock(state_->mutex);
  return static_cast<unsigned>(state_->open.size());
}

void relay::cut() {
  const std::scoped_lock lock(state_->mutex);
  for (const int fd : state_->open) ::shutdown(fd, SHUT_RDWR);
}

void relay::forget() {
  const std::scoped_lock lock(state_->mutex);
  state_->down = 0;
  state_->up = 0;
  state_->accepted = 0;
}

}  // namespace gantry::test
