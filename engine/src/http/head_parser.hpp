#pragma once

#include "base/failure.hpp"
#include "http/message.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace gantry::http {

/// Reads the head of one answer from bytes as they come; does no I/O. Informational answers (100, 103) are skipped, 101 is refused.
///
/// Limits (DESIGN section 6): 32 KiB for one head, 64 KiB for all heads of an answer together; errc::limit_exceeded.
class head_parser {
 public:
  static constexpr std::size_t head_limit = 32 * 1024;
  static constexpr std::size_t total_limit = 64 * 1024;

  /// \param asked the method of the request: an answer to HEAD has no body.
  explicit head_parser(method asked) : asked_(asked) {}

  /// Takes bytes until the final head is complete. \returns how many were taken: all of them, or fewer when the head ended and the rest
  /// belongs to the body. Must not be called after an error or when \ref done.
  result<std::size_t> feed(std::span<const std::byte> bytes);

  bool done() const noexcept { return done_; }
  /// Whether nothing was received: a connection closed in this state failed before the server answered, so the request may be repeated.
  bool untouched() const noexcept { return total_ == 0; }

  /// Whether what was received is no answer at all.
  bool foreign() const noexcept { return foreign_; }

  /// The head; only when \ref done.
  const response_head& head() const& noexcept { return head_; }
  response_head&& head() && noexcept { return std::move(head_); }

 private:
  result<void> finish_head();

  method asked_;
  std::string raw_;
  std::size_t total_ = 0;
  bool done_ = false;
  bool foreign_ = false;
  response_head head_;
};

}  // namespace gantry::http
