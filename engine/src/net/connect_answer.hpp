#pragma once

#include "base/failure.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace gantry::net {

/// The request that asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6). \param authority `host:port` \param authorization value of
/// Proxy-Authorization; empty: the field is left out. Nothing else goes to the proxy: what a registry may know is none of its business.
std::string connect_request(std::string_view authority, std::string_view authorization);

/// Reads a proxy's answer to CONNECT from bytes as they come; does no I/O. Informational answers are skipped. Limit: 32 KiB in all.
class connect_answer {
 public:
  static constexpr std::size_t limit = 32 * 1024;

  /// Takes all of \p bytes. errc::limit_exceeded, errc::protocol_error: no HTTP, or bytes behind the head of a success, which nobody has
  /// asked for yet. Must not be called when \ref done.
  result<void> feed(std::span<const std::byte> bytes);

  bool done() const noexcept { return status_ != 0; }
  unsigned status() const noexcept { return status_; }
  /// The schemes that a 407 offers, as sent and cleaned: `Basic, Negotiate`.
  const std::string& offered() const noexcept { return offered_; }

 private:
  result<void> read_head(std::string_view head);

  std::string raw_;
  std::size_t total_ = 0;
  unsigned status_ = 0;
  std::string offered_;
};

/// What an answer other than success means. \param proxy,target named in the message. errc::unexpected_status for 4xx, errc::server_error
/// for 5xx, which may pass.
failure connect_refusal(const connect_answer& answer, std::string_view proxy, std::string_view target, bool sent_credentials);

}  // namespace gantry::net
