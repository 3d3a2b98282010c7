#pragma once

#include "base/failure.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <gantry/events.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
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

  /// Whether anybody is told; where not, nothing needs to be gathered.
  bool heard() const noexcept { return static_cast<bool>(handler_); }
  void emit(event value);
  /// What a part of the operation tells.
  void pass_on(const event& value);
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

/// What an operation and its parts have moved together. Used on the strand alone.
struct traffic {
  std::uint64_t received = 0;  ///< bytes of blobs
  std::uint64_t sent = 0;      ///< the same
  unsigned copying = 0;        ///< requests under way that read a blob in order or send one
};

/// What all parts of one running operation share. Lives until all of them have ended; used on the strand alone but for \ref stop_flag.
class operation {
 public:
  /// \param whole of the operation that this is a part of; none: it is none
  explicit operation(event_emitter emitter, std::shared_ptr<traffic> whole = nullptr)
      : events(std::move(emitter)), moved_(whole ? std::move(whole) : std::make_shared<traffic>()) {}

  runtime::stop_source stop;
  event_emitter events;

  /// What is fetched is read again soon, from the store into an archive, and should stay in memory until then.
  bool read_again = true;

  /// Follows \ref stop, for loops on worker lanes.
  const std::atomic<bool>& stop_flag() const noexcept { return flag_; }

  void request_stop() {
    asked_ = true;
    give_up();
  }

  /// Ends the rest of the operation since a part of it has failed: nobody asked for that, and what the failure leaves behind may still be
  /// put right. See \ref asked_flag.
  void give_up() {
    flag_ = true;
    stop.request_stop();
  }

  /// Set by \ref request_stop alone, for work that follows a failure.
  const std::atomic<bool>& asked_flag() const noexcept { return asked_; }

  /// Bytes of blobs came in.
  void received(std::uint64_t bytes) { received(bytes, bytes); }
  /// The same where only \p fresh of them were not there before: what comes again and again is no progress.
  void received(std::uint64_t bytes, std::uint64_t fresh) {
    received_ += bytes;
    moved_->received += bytes;
    if (fresh != 0) note_answer();
  }
  /// A registry has answered, which brings nothing by itself.
  void note_contact() noexcept { answered_ = true; }
  /// Bytes of blobs went out.
  void sent(std::uint64_t bytes) {
    moved_->sent += bytes;
    note_answer();
  }
  const std::shared_ptr<traffic>& moved() const noexcept { return moved_; }
  /// Tells what was moved so far. \param requests under way beside those in traffic::copying
  void tell_traffic(std::size_t requests = 0) {
    events.progress(transfer_progress{moved_->received, moved_->copying + static_cast<unsigned>(requests), moved_->sent});
  }
  /// Something came in that shows that the network works.
  void note_answer() {
    answered_ = true;
    last_byte_ = std::chrono::steady_clock::now();
  }

  /// Something other than the network was waited for: that time does not count.
  void resume_waiting() { last_byte_ = std::chrono::steady_clock::now(); }

  std::uint64_t bytes_received() const noexcept { return received_; }
  /// Whether the registry that \p why is about has answered since this operation began; when nothing says which that was, whether anything
  /// has.
  bool answered_before(const failure& why) const noexcept { return why.last_answer ? *why.last_answer >= began_ : answered_; }
  std::chrono::milliseconds idle() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - last_byte_);
  }

 private:
  std::atomic<bool> flag_{false};
  std::atomic<bool> asked_{false};
  std::shared_ptr<traffic> moved_;
  std::uint64_t received_ = 0;
  bool answered_ = false;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_byte_ = std::chrono::steady_clock::now();
};

/// A request that reads a blob in order or sends one, for as long as it is under way.
class copying_request {
 public:
  explicit copying_request(std::shared_ptr<traffic> moved) : moved_(std::move(moved)) { ++moved_->copying; }
  ~copying_request() { --moved_->copying; }
  copying_request(const copying_request&) = delete;
  copying_request& operator=(const copying_request&) = delete;

 private:
  std::shared_ptr<traffic> moved_;
};

}  // namespace gantry::transfer
