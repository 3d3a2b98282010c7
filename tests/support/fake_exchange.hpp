#pragma once

#include "support/fault.hpp"
#include "support/socket.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace gantry::test {

/// What a client asked. An empty method stands for bytes that are no HTTP request.
struct fake_request {
  std::string method;
  std::string target;
  header_list headers;

  std::string path() const { return target.substr(0, target.find('?')); }
  std::string header(std::string_view name) const { return header_value(headers, name); }
};

/// What the fake registry would say, and how it lies about it.
struct fake_answer {
  unsigned status = 200;
  header_list headers;  ///< without Content-Length and Content-Range
  std::shared_ptr<const std::string> content;
  bool ranges = false;          ///< `Range` of the request is honoured
  bool refuses_ranges = false;  ///< with 416, whatever the range
  std::string refused_text;     ///< Content-Range of that answer
  bool keep = true;             ///< the connection may carry another request

  std::optional<std::uint64_t> end_after;  ///< the body stops here ...
  enum class ending { close, stall, reset } then = ending::close;
  bool silent = false;                   ///< nothing is said at all
  bool waits = true;                     ///< with silent: the connection stays open
  std::string in_place_of_head;          ///< raw bytes, then the end, or \ref again
  std::string again;                     ///< sent over and over, in place of an end, until the client leaves
  bool chunked = false;                  ///< the body comes in chunks
  std::uint64_t surplus = 0;             ///< bytes after the body
  std::uint64_t piece = 0;               ///< bytes written at once, 0 = many
  std::chrono::milliseconds pause{0};    ///< between pieces
  std::chrono::milliseconds delay{0};    ///< before anything is said
  std::optional<std::uint64_t> changed;  ///< offset within the body of a byte that is wrong
  std::function<std::string(std::uint64_t, std::uint64_t, std::uint64_t)> range_text;
};

struct sent_answer {
  unsigned status = 0;
  std::uint64_t body = 0;  ///< with fake_answer::again: and what followed it
  bool keep = false;
};

/// Reads one request; bytes behind it stay in \p unread. \returns nothing at the end of the connection.
std::optional<fake_request> read_request(socket_handle& connection, std::string& unread);

/// Turns \p answer into what \p trouble wants.
void apply(const fault& trouble, const std::string& own_url, fake_answer& answer);

/// \param sleep returns false when the server is to stop
sent_answer send_answer(socket_handle& connection, const fake_request& request, const fake_answer& answer,
                        const std::function<bool(std::chrono::milliseconds)>& sleep);

}  // namespace gantry::test
