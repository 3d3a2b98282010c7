#pragma once

#include "http/message.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::serve {

/// The head of a request, checked.
struct request_head {
  std::string method;  ///< a token, as sent
  std::string target;  ///< origin form: begins with '/', printable ASCII
  std::vector<http::header> headers;
  bool keep_alive = false;  ///< the client wants to go on with this connection
  bool has_body = false;    ///< something follows that is no request

  /// The first field of that name (case-insensitive), or null. Valid as long as the head.
  const std::string* find(std::string_view name) const;
};

/// Why bytes are no request that is answered here.
struct request_refusal {
  unsigned status = 400;  ///< 400, 414 or 431
  std::string reason;     ///< one sentence
};

/// Reads the head of one request from bytes as they come; does no I/O. Stricter than RFC 9112 allows, because two readers that disagree
/// about a head are how requests are smuggled: see http::check_head, and beyond it exactly one Host, at most one Content-Length, no list
/// in it, targets in origin form only.
class request_parser {
 public:
  static constexpr std::size_t target_limit = 8 * 1024;
  static constexpr std::size_t head_limit = 32 * 1024;
  static constexpr std::size_t field_limit = 100;

  /// Takes bytes until the head is complete or refused. \returns how many were taken; what follows belongs to the next request.
  std::size_t feed(std::span<const std::byte> bytes);

  /// Whether nothing of a request has come yet.
  bool untouched() const noexcept { return raw_.empty() && !complete(); }
  /// Whether \ref refusal or \ref head says what came.
  bool complete() const noexcept { return head_.has_value() || refusal_.has_value(); }
  const std::optional<request_refusal>& refusal() const noexcept { return refusal_; }
  /// Only when complete and not refused.
  const request_head& head() const noexcept { return *head_; }

 private:
  void refuse(unsigned status, std::string reason) { refusal_ = request_refusal{status, std::move(reason)}; }
  void finish();

  std::string raw_;
  std::optional<request_head> head_;
  std::optional<request_refusal> refusal_;
};

}  // namespace gantry::serve
