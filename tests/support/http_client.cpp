#include "support/http_client.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace gantry::test {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

}  // namespace

std::string header_value(const header_list& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

header_list parse_headers(std::string_view lines) {
  header_list result;
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find("\r\n"), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(end + 2, lines.size()));
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    std::string_view value = line.substr(colon + 1);
    while (value.starts_with(' ')) value.remove_prefix(1);
    result.emplace_back(line.substr(0, colon), value);
  }
  return result;
}

http_reply http_client::send(const std::string& method, const std::string& target, const header_list& headers, const std::string& body) {
  if (!connection_) connection_ = connect_to_loopback(port_);
  std::string head = method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(port_) + "\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  if (!body.empty() || method != "GET") head += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  http_reply reply;
  connection_.send(head + "\r\n");
  connection_.send(body);

  std::string bytes;
  std::size_t end = std::string::npos;
  while ((end = bytes.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = connection_.receive(65536, patience_);
    if (more.empty()) break;
    bytes += more;
  }
  if (end == std::string::npos || !bytes.starts_with("HTTP/1.")) {
    reply.raw_head = bytes;
    connection_.close();
    return reply;
  }
  reply.raw_head = bytes.substr(0, end + 4);
  reply.status = static_cast<unsigned>(std::atoi(bytes.c_str() + 9));
  reply.headers = parse_headers(std::string_view(reply.raw_head).substr(reply.raw_head.find("\r\n") + 2));
  reply.body = bytes.substr(end + 4);
  const std::string length = reply.header("content-length");
  const std::uint64_t expected = method == "HEAD" || reply.status == 204 ? 0
                                 : length.empty()                        ? UINT64_MAX
                                                                         : std::strtoull(length.c_str(), nullptr, 10);
  while (reply.body.size() < expected) {
    const std::string more = connection_.receive(65536, patience_);
    if (more.empty()) break;
    reply.body += more;
  }
  reply.complete = reply.body.size() == expected;
  if (!reply.complete || same_name(reply.header("connection"), "close")) connection_.close();
  return reply;
}

}  // namespace gantry::test
