#pragma once

#include "base/failure.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <gantry/events.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>

namespace gantry::transfer {

using runtime::task;

/// Hands events to whoever watches an operation: transitions at once and in order, progress coalesced to the latest value a few times per
/// second. Used on the strand alone; the handler runs on \p target.
class event_emitter {
 public:
  /// \param target where the handler is called; empty: directly
  event_emitter(std::function<void(const event&)> handler, runtime::executor target)
      : handler_(std::move(handler)), target_(std::move(target)) {}

  void emit(event value);
  void progress(const gantry::digest& blob, std::uint64_t done);
  void progress(archive_progress value);
  void progress(transfer_progress value);
  /// Hands out what is held back.
  void flush();

 private:
  void deliver(event value);
  void flush_if_due();

  std::function<void(const event&)> handler_;
  runtime::executor target_;
  std::chrono::steady_clock::time_point flushed_{};
  std::map<gantry::digest, std::uint64_t> blobs_;
  std::optional<archive_progress> archive_;
  std::optional<transfer_progress> transfer_;
};

/// What all parts of one running operation share. Lives until all of them have ended; used on the strand alone but for \ref stop_flag.
class operation {
 public:
  explicit operation(event_emitter emitter) : events(std::move(emitter)) {}

  runtime::stop_source stop;
  event_emitter events;

  /// What is fetched is read again soon, from the store into an archive, and should stay in memory until then.
  bool read_again = true;

  /// Follows \ref stop, for loops on worker lanes.
  const std::atomic<bool>& stop_flag() const noexcept { return flag_; }

  void request_stop() {
    flag_ = true;
    stop.request_stop();
  }

  /// Bytes of blobs came in.
  void received(std::uint64_t bytes) {
    received_ += bytes;
    note_answer();
  }
  /// Something came in that shows that the network works.
  void note_answer() {
    answered_ = true;
    last_byte_ = std::chrono::steady_clock::now();
  }

  /// Something other than the network was waited for: that time does not count.
  void resume_waiting() { last_byte_ = std::chrono::steady_clock::now(); }

  std::uint64_t bytes_received() const noexcept { return received_; }
  bool answered() const noexcept { return answered_; }
  std::chrono::milliseconds idle() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - last_byte_);
  }

 private:
  std::atomic<bool> flag_{false};
  std::uint64_t received_ = 0;
  bool answered_ = false;
  std::chrono::steady_clock::time_point last_byte_ = std::chrono::steady_clock::now();
};

}  // namespace gantry::transfer
