#pragma once

#include "base/failure.hpp"
#include "http/placement.hpp"
#include "http/trust.hpp"
#include "http/url.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::http {

enum class method { get, head, post, put, patch, delete_ };

/// `GET`, `HEAD`, ...
std::string_view to_string(method verb) noexcept;

struct header {
  std::string name;
  std::string value;
  bool stays = false;  ///< in a request: meant for its origin alone, a redirect to another one does not carry it

  friend bool operator==(const header&, const header&) = default;
};

/// The size of a body whose end is told when it is reached: it is sent in chunks.
inline constexpr std::uint64_t size_unknown = std::numeric_limits<std::uint64_t>::max();

/// A request whose body is small and complete (token requests, manifests). Large bodies are sent by others after the head.
struct request {
  method verb = method::get;
  url target;
  std::vector<header> headers;
  std::string body;
  std::uint64_t body_size = 0;  ///< announced instead of body.size() when \ref body is empty and the body follows by other means
  placement how;                ///< over which connection
  std::string shown{};          ///< what messages call it, in place of a URL that is a secret; empty: the URL without its query
  std::shared_ptr<const trust> trusting{};  ///< whom to believe beside what holds for everybody; may be null

  /// Replaces the field or adds it.
  void set(std::string_view name, std::string value);
  /// Removes all fields of that name.
  void erase(std::string_view name);
  /// The first field of that name, or null.
  const std::string* find(std::string_view name) const;
};

/// The bytes of a request: request line, Host, User-Agent and Accept when absent, the given fields, Content-Length or `Transfer-Encoding:
/// chunked`, blank line, body. The
/// one place through which requests go to the wire: refuses CR, LF, NUL and other control characters in fields, blanks in the target, field
/// names that are no token, and Host, Content-Length, Transfer-Encoding and Proxy-Authorization fields of the caller's own
/// (errc::internal_error).
result<std::string> serialize(const request& message);

/// The same for a proxy that passes requests in clear text on: the target in absolute-form (RFC 9112 section 3.2.2).
/// \param authorization value of Proxy-Authorization; empty: the field is left out
result<std::string> serialize_for_proxy(const request& message, std::string_view authorization);

/// How the end of a body is found (RFC 9112 section 6.3).
enum class body_framing {
  none,         ///< there is no body
  length,       ///< Content-Length bytes
  chunked,      ///< chunked transfer coding
  until_close,  ///< the end of the connection; cannot be told from a cut one
};

/// The head of a final answer.
struct response_head {
  unsigned status = 0;
  std::string reason;
  std::vector<header> headers;
  bool keep_alive = false;  ///< the connection may be used again when the body has been read to its end
  body_framing framing = body_framing::none;
  std::uint64_t content_length = 0;            ///< bytes of body; only with body_framing::length
  bool announces_length = false;               ///< there was a Content-Length, also where there is no body (HEAD)
  std::uint64_t announced_content_length = 0;  ///< its value

  /// The first field of that name (case-insensitive), or null. Valid as long as the head.
  const std::string* find(std::string_view name) const;
  /// The values of all fields of that name, in order. Valid as long as the head.
  std::vector<std::string_view> all(std::string_view name) const;
};

/// ASCII case-insensitive comparison, as field names and schemes want it.
bool iequals(std::string_view a, std::string_view b) noexcept;

/// `404 Not Found`; the number alone when the status has no registered name.
std::string describe_status(unsigned status);

/// The value of a list of Content-Length fields: decimal digits only, all equal (RFC 9110 section 8.6). errc::protocol_error when there is
/// none, or they disagree, or are no 64-bit number.
result<std::uint64_t> parse_content_length(const std::vector<std::string_view>& values);

}  // namespace gantry::http
