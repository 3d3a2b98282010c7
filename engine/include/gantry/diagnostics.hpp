#pragma once

#include <string>
#include <utility>

namespace gantry {

/// The text beside an error code: what failed, on which object, why, and what to do about it. What a server said is kept apart from what
/// the engine says; both are free of secrets and of control characters.
class diagnostics {
 public:
  diagnostics() = default;
  /// \param message ours \param server_message what a server said; both as they are, not cleaned
  explicit diagnostics(std::string message, std::string server_message = {})
      : message_(std::move(message)), server_message_(std::move(server_message)) {}

  /// One sentence by the engine. Empty when the operation succeeded.
  const std::string& message() const noexcept { return message_; }
  /// The registry's own words, cleaned and cut; empty when it said nothing.
  const std::string& server_message() const noexcept { return server_message_; }

  /// Forgets both texts.
  void clear() noexcept {
    message_.clear();
    server_message_.clear();
  }

 private:
  std::string message_;
  std::string server_message_;
};

}  // namespace gantry
