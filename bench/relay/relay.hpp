#pragma once

#include "half.hpp"
#include "options.hpp"

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::relay {

/// A file descriptor that is closed with its owner.
class descriptor {
 public:
  explicit descriptor(int number = -1) noexcept : number_(number) {}
  descriptor(descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor();
  int get() const noexcept { return number_; }

 private:
  int number_;
};

/// What one readiness notice is about; lives as long as its descriptor is watched.
struct watch {
  enum class kind { listener, signals, client, server };
  kind what = kind::listener;
  void* owner = nullptr;
};

/// One client, its own connection to the server, and both directions between them.
struct connection {
  descriptor client;
  descriptor server;
  watch client_watch;
  watch server_watch;
  clock::time_point accepted;
  std::unique_ptr<half> up;
  std::unique_ptr<half> down;
  double first_byte_ms = -1;  ///< from accept to the first byte that the client got
  bool resets = false;        ///< to be reset once \ref half::silent
  bool broken = false;
};

/// Relays until SIGTERM or SIGINT, on the calling thread, which must have these and SIGUSR1 blocked.
class relay {
 public:
  /// Opens the ports. \throws std::system_error
  explicit relay(const options& values);
  ~relay();
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;

  /// The ports that were opened, in the order of the routes.
  std::vector<std::uint16_t> ports() const;
  void run();
  /// What went through so far, as JSON.
  std::string counters() const;

 private:
  struct listener {
    descriptor socket;
    watch notice;
    route where;
  };

  void observe(int file, watch& notice, std::uint32_t events);
  void accept_from(listener& from);
  void open(int client, std::uint16_t to);
  bool turns(clock::time_point now);
  void close_finished();
  std::optional<std::chrono::nanoseconds> idle_time(clock::time_point now) const;
  void take_signal();

  options values_;
  descriptor poll_;
  descriptor signals_;
  watch signal_notice_;
  std::list<listener> listeners_;
  std::list<std::unique_ptr<connection>> connections_;
  block_pool pool_;
  token_bucket total_up_;
  token_bucket total_down_;
  bool stop_ = false;

  std::uint64_t accepted_ = 0;
  std::uint64_t faulted_ = 0;
  std::uint64_t closed_requests_ = 0;
  std::uint64_t closed_up_ = 0;
  std::uint64_t closed_down_ = 0;
  std::vector<double> first_bytes_;
};

}  // namespace gantry::relay
