#include "support/relay.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <random>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace gantry::test {
namespace {

/// What becomes of one connection.
struct fate {
  enum class kind { none, cut, reset, stall, crawl } what = kind::none;
  std::uint64_t after = 0;             ///< bytes that come back before
  std::chrono::microseconds delay{0};  ///< at most, before each read that comes back
  std::minstd_rand random;             ///< of the delays
};

}  // namespace

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
  std::vector<std::thread::id> ended;  // of them, those that are through: each keeps its stack until it is joined
  bad_line line;
  std::mt19937 random;
  unsigned troubled = 0;

  /// To be called with the mutex.
  void join_ended() {
    for (const std::thread::id id : std::exchange(ended, {})) {
      const auto found = std::find_if(threads.begin(), threads.end(), [&](const std::thread& one) { return one.get_id() == id; });
      if (found == threads.end()) continue;
      found->join();
      threads.erase(found);
    }
  }

  /// To be called with the mutex.
  fate draw() {
    fate drawn;
    drawn.delay = line.delay;
    drawn.random.seed(static_cast<std::uint32_t>(random()));
    unsigned chance = static_cast<unsigned>(random() % 1000);
    for (const auto& [what, share] : {std::pair(fate::kind::cut, line.cut), std::pair(fate::kind::reset, line.reset),
                                      std::pair(fate::kind::stall, line.stall), std::pair(fate::kind::crawl, line.crawl)}) {
      if (chance < share) {
        drawn.what = what;
        break;
      }
      chance -= share;
    }
    if (line.within > 0 && drawn.what != fate::kind::crawl) drawn.after = random() % line.within;
    return drawn;
  }

  void accept_loop() {
    for (;;) {
      const int fd = ::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC);
      const std::scoped_lock lock(mutex);
      if (stopping) return socket_handle(fd).close();
      if (fd < 0) continue;
      ++accepted;
      open.insert(fd);
      join_ended();
      threads.emplace_back([this, fd, mine = draw()]() mutable {
        carry(socket_handle(fd), mine);
        const std::scoped_lock through(mutex);
        ended.push_back(std::this_thread::get_id());
      });
    }
  }

  void carry(socket_handle client, fate& mine) {
    const int fd = client.fd();
    try {
      socket_handle server = connect_to_loopback(upstream);
      std::array<pollfd, 2> waits{pollfd{client.fd(), POLLIN, 0}, pollfd{server.fd(), POLLIN, 0}};
      std::uint64_t carried = 0;
      for (bool going = true; going && ::poll(waits.data(), waits.size(), -1) > 0;) {
        if (waits[0].revents != 0) going = pass_up(client, server, carried);
        if (!going || waits[1].revents == 0) continue;
        going = pass_down(server, client, mine);
        // Nothing more is taken from the server.
        if (going && mine.what == fate::kind::stall && mine.after == 0) waits[1].fd = -1;
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

  bool pass_down(socket_handle& from, socket_handle& to, fate& mine) {
    const bool crawls = mine.what == fate::kind::crawl;
    std::string bytes = from.receive(crawls ? 4096 : 65536, std::chrono::milliseconds(0));
    if (bytes.empty()) return false;
    const bool ends = mine.what != fate::kind::none && !crawls;
    const bool strikes = ends && bytes.size() >= mine.after;
    if (strikes) bytes.resize(mine.after);
    if (ends) mine.after -= bytes.size();
    std::unique_lock lock(mutex);
    if (strikes || (crawls && std::exchange(mine.after, 1) == 0)) ++troubled;
    auto pause = std::chrono::microseconds(crawls ? 2000 : 0);
    if (mine.delay.count() > 0) pause += std::chrono::microseconds(mine.random() % static_cast<unsigned>(mine.delay.count()));
    if (pause.count() > 0) changed.wait_for(lock, pause, [this] { return stopping; });
    if (rate > 0) {
      const auto now = std::chrono::steady_clock::now();
      free_at = std::max(free_at, now) + std::chrono::microseconds(bytes.size() * 1'000'000 / rate);
      changed.wait_until(lock, free_at, [this] { return stopping || rate == 0; });
    }
    if (stopping) return false;
    down += bytes.size();
    lock.unlock();
    if (!to.send(bytes)) return false;
    if (strikes && mine.what == fate::kind::reset) to.reset_on_close();
    return !strikes || mine.what == fate::kind::stall;
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

void relay::worsen(const bad_line& line) {
  const std::scoped_lock lock(state_->mutex);
  state_->line = line;
  state_->random.seed(line.seed);
}

unsigned relay::troubled() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->troubled;
}

void relay::forget() {
  const std::scoped_lock lock(state_->mutex);
  state_->down = 0;
  state_->up = 0;
  state_->accepted = 0;
}

}  // namespace gantry::test
