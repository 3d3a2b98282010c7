#pragma once

#include "progress/rate.hpp"

#include <gantry/events.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry::app {

using progress_clock = std::chrono::steady_clock;

/// A blob on its way.
struct active_blob {
  gantry::digest digest;
  blob_role role = blob_role::layer;
  std::uint64_t size = 0;
  std::uint64_t done = 0;
};

/// What the events of one operation add up to; renderers read it, nothing else feeds it. Pure: time comes in as values.
class progress_state {
 public:
  /// A new operation begins.
  void begin(std::string title);
  /// The next measurement begins, which has a plan and leaves nothing: only what it has received is counted. \param what in words
  void measure(std::string what);
  void apply(const event& what, progress_clock::time_point now);

  const std::string& title() const noexcept { return title_; }
  /// What is measured; empty: nothing is.
  const std::string& measured() const noexcept { return measured_; }
  /// Bytes that the measurement has received.
  std::uint64_t measured_bytes() const noexcept { return measured_bytes_; }
  bool planned() const noexcept { return planned_; }
  std::size_t blobs() const noexcept { return plan_.blobs; }
  std::size_t blobs_done() const noexcept;
  std::uint64_t bytes() const noexcept { return plan_.bytes; }
  /// Of \ref bytes: held, resumed or received. Never more than \ref bytes.
  std::uint64_t bytes_done() const noexcept;
  /// In the order in which they began.
  const std::vector<active_blob>& active() const noexcept { return active_; }
  /// Bytes per second over the last seconds.
  double rate(progress_clock::time_point now) const { return rate_.value(now); }
  /// Until all blobs are there; nothing while that cannot be told.
  std::optional<std::chrono::seconds> remaining(progress_clock::time_point now) const;
  /// What the operation waits for apart from the network; empty when bytes flow.
  const std::string& waiting() const noexcept { return waiting_; }
  /// Total is 0 until the archive is being written.
  const archive_progress& archive() const noexcept { return archive_; }

 private:
  active_blob* find(const gantry::digest& digest);
  void advance(const gantry::digest& digest, std::uint64_t done, progress_clock::time_point now);

  std::string title_;
  std::string measured_;
  std::uint64_t measured_bytes_ = 0;
  bool planned_ = false;
  transfer_planned plan_;
  std::vector<active_blob> active_;
  std::size_t blobs_finished_ = 0;  // of the plan, beyond those held before
  std::uint64_t bytes_finished_ = 0;
  byte_rate rate_;
  std::string waiting_;
  archive_progress archive_;
};

}  // namespace gantry::app
