#pragma once

#include "outcome.hpp"

#include <gantry/serve.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace gantry::app {

/// One request as a line: time (UTC), client, user, request, status, bytes of the body, seconds; `cut` at the end when the answer did not
/// arrive whole. Absent parts are `-`.
std::string access_line(const served_request& request);

/// The file behind --access-log. A thread of its own writes it, so that whoever reads it too slowly, or a disk that hangs, keeps neither
/// answers nor the end waiting: lines wait up to a bound, those beyond it are lost and counted.
class access_log {
 public:
  /// \param path `-` is standard output; appended to, and not opened again later
  static outcome<std::unique_ptr<access_log>> open(const std::string& path);

  access_log(const access_log&) = delete;
  access_log& operator=(const access_log&) = delete;
  ~access_log() { close(); }

  /// Never waits. \returns false once lines were lost.
  bool write(const served_request& request);

  /// Gives what waits a moment to be written, then gives it up. Nothing is written afterwards but what the thread is at. \returns how many
  /// lines were lost in all
  std::uint64_t close() noexcept;

 private:
  struct shared;
  explicit access_log(std::shared_ptr<shared> state) : state_(std::move(state)) {}
  std::shared_ptr<shared> state_;  ///< with the thread, which may hang in a write and outlive this
};

}  // namespace gantry::app
