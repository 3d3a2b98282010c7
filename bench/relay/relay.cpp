#include "relay.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

namespace gantry::relay {

namespace {

int checked(int outcome, const char* what) {
  if (outcome < 0) throw std::system_error(errno, std::generic_category(), what);
  return outcome;
}

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

void switch_on(int socket, int level, int name) {
  const int on = 1;
  checked(::setsockopt(socket, level, name, &on, sizeof on), "setsockopt");
}

/// The next close sends a reset instead of an orderly end.
void arm_reset(int socket) {
  const linger now{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

bool chosen(std::uint64_t number, std::uint64_t one_in) { return one_in != 0 && number % one_in == 0; }

}  // namespace

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

descriptor::~descriptor() {
  if (number_ >= 0) ::close(number_);
}

relay::relay(const options& values)
    : values_(values),
      poll_(checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1")),
      total_up_(values.total_rate, clock::now()),
      total_down_(values.total_rate, clock::now()) {
  sigset_t wanted;
  sigemptyset(&wanted);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) sigaddset(&wanted, signal);
  signals_ = descriptor(checked(::signalfd(-1, &wanted, SFD_NONBLOCK | SFD_CLOEXEC), "signalfd"));
  signal_notice_.what = watch::kind::signals;
  observe(signals_.get(), signal_notice_, EPOLLIN);

  for (const auto& where : values_.routes) {
    auto& added = listeners_.emplace_back();
    added.socket = descriptor(checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
    added.where = where;
    switch_on(added.socket.get(), SOL_SOCKET, SO_REUSEADDR);
    const auto address = loopback(where.listen);
    checked(::bind(added.socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), "bind");
    checked(::listen(added.socket.get(), 1024), "listen");
    added.notice.owner = &added;
    observe(added.socket.get(), added.notice, EPOLLIN);
  }
}

relay::~relay() = default;

std::vector<std::uint16_t> relay::ports() const {
  std::vector<std::uint16_t> result;
  for (const auto& each : listeners_) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    checked(::getsockname(each.socket.get(), reinterpret_cast<sockaddr*>(&address), &size), "getsockname");
    result.push_back(ntohs(address.sin_port));
  }
  return result;
}

void relay::observe(int file, watch& notice, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &notice;
  checked(::epoll_ctl(poll_.get(), EPOLL_CTL_ADD, file, &event), "epoll_ctl");
}

void relay::run() {
  std::array<epoll_event, 128> events{};
  bool busy = false;
  while (!stop_) {
    std::optional<std::chrono::nanoseconds> wait;
    if (busy) {
      wait = std::chrono::nanoseconds(0);
    } else {
      wait = idle_time(clock::now());
    }
    timespec time{};
    if (wait) {
      time.tv_sec = wait->count() / 1'000'000'000;
      time.tv_nsec = wait->count() % 1'000'000'000;
    }
    const int count = ::epoll_pwait2(poll_.get(), events.data(), static_cast<int>(events.size()), wait ? &time : nullptr, nullptr);
    if (count < 0 && errno != EINTR) checked(count, "epoll_pwait2");
    for (int i = 0; i < count; ++i) {
      const auto& event = events.at(static_cast<std::size_t>(i));
      const auto& notice = *static_cast<const watch*>(event.data.ptr);
      const bool in = (event.events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) != 0;
      const bool out = (event.events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
      if (notice.what == watch::kind::signals) {
        take_signal();
      } else if (notice.what == watch::kind::listener) {
        accept_from(*static_cast<listener*>(notice.owner));
      } else {
        auto& of = *static_cast<connection*>(notice.owner);
        const bool client = notice.what == watch::kind::client;
        if (in) (client ? of.up : of.down)->readable();
        if (out) (client ? of.down : of.up)->writable();
      }
    }
    busy = turns(clock::now());
    close_finished();
  }
}

void relay::accept_from(listener& from) {
  while (true) {
    const int client = ::accept4(from.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (client >= 0) {
      open(client, from.where.to);
    } else if (errno != EINTR && errno != ECONNABORTED) {
      if (errno != EAGAIN) std::perror("gantry-relay: accept");
      return;
    }
  }
}

void relay::open(int client, std::uint16_t to) {
  ++accepted_;
  const auto now = clock::now();
  auto made = std::make_unique<connection>();
  made->client = descriptor(client);
  made->server = descriptor(checked(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  made->accepted = now;
  switch_on(client, IPPROTO_TCP, TCP_NODELAY);
  switch_on(made->server.get(), IPPROTO_TCP, TCP_NODELAY);
  const auto address = loopback(to);
  if (::connect(made->server.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0 && errno != EINPROGRESS) {
    arm_reset(client);
    return;
  }

  half::limits limits;
  limits.delay = values_.delay;
  limits.window = values_.window;
  limits.rate = values_.rate;
  limits.not_before = now + 2 * values_.delay;
  limits.holds_requests = true;
  made->up = std::make_unique<half>(client, made->server.get(), limits, total_up_, pool_, now);
  limits.holds_requests = false;
  limits.not_before = now;
  limits.pause_gap = values_.pause_every;
  limits.pause_seed = accepted_;
  const bool stalls = chosen(accepted_, values_.stall_one_in);
  made->resets = !stalls && chosen(accepted_, values_.reset_one_in);
  if (stalls || made->resets) {
    limits.silent_after = values_.fault_after;
    ++faulted_;
  } else if (chosen(accepted_, values_.crawl_one_in)) {
    limits.crawl_after = values_.fault_after;
    limits.crawl_rate = values_.crawl_rate;
    ++faulted_;
  }
  made->down = std::make_unique<half>(made->server.get(), client, limits, total_down_, pool_, now);

  made->client_watch = {watch::kind::client, made.get()};
  made->server_watch = {watch::kind::server, made.get()};
  constexpr std::uint32_t both = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  observe(client, made->client_watch, both);
  observe(made->server.get(), made->server_watch, both);
  connections_.push_back(std::move(made));
}

bool relay::turns(clock::time_point now) {
  // Small turns share a bandwidth fairly; large ones cost least where there is nothing to share.
  const bool paced = values_.rate != 0 || values_.total_rate != 0;
  const std::size_t quantum = paced ? std::size_t{16} << 10 : block_pool::block_size;
  total_up_.refill(now);
  total_down_.refill(now);
  bool again = true;
  for (int round = 0; again && round < 16; ++round) {
    again = false;
    for (auto& each : connections_) {
      if (each->broken) continue;
      for (auto* direction : {each->up.get(), each->down.get()}) {
        const auto outcome = direction->advance(now, quantum);
        if (outcome == turn::broken) each->broken = true;
        if (outcome == turn::progress) again = true;
      }
      if (each->first_byte_ms < 0 && each->down->written() > 0) {
        each->first_byte_ms = std::chrono::duration<double, std::milli>(clock::now() - each->accepted).count();
        if (first_bytes_.size() < 4096) first_bytes_.push_back(each->first_byte_ms);
      }
    }
    // Who came first takes from the common bucket last in the next round.
    if (connections_.size() > 1) connections_.splice(connections_.end(), connections_, connections_.begin());
  }
  return again;
}

void relay::close_finished() {
  for (auto each = connections_.begin(); each != connections_.end();) {
    auto& of = **each;
    const bool reset = of.resets && of.down->silent();
    const bool over = of.up->ended() && of.down->ended();
    const bool left_alone = of.up->source_ended() && of.down->silent();
    if (!(reset || over || left_alone || of.broken)) {
      ++each;
      continue;
    }
    closed_requests_ += of.up->requests();
    // What waits here for an end that is gone was never sent; after an orderly end it still will be.
    closed_up_ += of.broken ? of.up->arrived() : of.up->written();
    closed_down_ += of.broken ? of.down->arrived() : of.down->written();
    if (reset || of.broken) {
      arm_reset(of.client.get());
      arm_reset(of.server.get());
    }
    each = connections_.erase(each);
  }
}

std::optional<std::chrono::nanoseconds> relay::idle_time(clock::time_point now) const {
  std::optional<clock::time_point> first;
  for (const auto& each : connections_) {
    for (const auto* direction : {each->up.get(), each->down.get()}) {
      const auto wake = direction->next_wake(now);
      if (wake && (!first || *wake < *first)) first = wake;
    }
  }
  if (!first) return std::nullopt;
  return std::max<std::chrono::nanoseconds>(*first - now, std::chrono::nanoseconds(0));
}

void relay::take_signal() {
  signalfd_siginfo signal{};
  while (::read(signals_.get(), &signal, sizeof signal) == static_cast<ssize_t>(sizeof signal)) {
    if (signal.ssi_signo == SIGUSR1) {
      std::puts(counters().c_str());
      std::fflush(stdout);
    } else {
      stop_ = true;
    }
  }
}

std::string relay::counters() const {
  auto requests = closed_requests_;
  auto up = closed_up_;
  auto down = closed_down_;
  for (const auto& each : connections_) {
    requests += each->up->requests();
    up += each->up->arrived();
    down += each->down->arrived();
  }
  std::string result = "{\"connections\":" + std::to_string(accepted_) + ",\"open\":" + std::to_string(connections_.size()) +
                       ",\"faulted\":" + std::to_string(faulted_) + ",\"requests\":" + std::to_string(requests) +
                       ",\"bytes_up\":" + std::to_string(up) + ",\"bytes_down\":" + std::to_string(down) + ",\"first_byte_ms\":[";
  const char* between = "";
  for (const auto time : first_bytes_) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%s%.2f", between, time);
    result += text.data();
    between = ",";
  }
  return result + "]}";
}

}  // namespace gantry::relay
