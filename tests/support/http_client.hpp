#pragma once

#include "support/socket.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gantry::test {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// The first value of a header, whatever its case; empty when absent.
std::string header_value(const header_list& headers, std::string_view name);

/// What came back, as far as it came.
struct http_reply {
  unsigned status = 0;  ///< 0: no answer that looks like HTTP
  header_list headers;
  std::string body;
  bool complete = false;  ///< the body is as long as the header said
  std::string raw_head;   ///< everything before the body

  std::string header(std::string_view name) const { return header_value(headers, name); }
};

/// A blocking client of one server on 127.0.0.1, with keep-alive, for the tests' own needs: it follows no redirect, does not decode chunks
/// and forgives nothing.
class http_client {
 public:
  explicit http_client(std::uint16_t port, std::chrono::milliseconds patience = std::chrono::minutes(1))
      : port_(port), patience_(patience) {}

  http_reply get(const std::string& target, const header_list& headers = {}) { return send("GET", target, headers, ""); }
  http_reply head(const std::string& target) { return send("HEAD", target, {}, ""); }
  http_reply send(const std::string& method, const std::string& target, const header_list& headers, const std::string& body);

 private:
  std::uint16_t port_;
  std::chrono::milliseconds patience_;
  socket_handle connection_;
};

/// Splits `Name: value` lines. Also used by the fake registry for requests.
header_list parse_headers(std::string_view lines);

}  // namespace gantry::test
