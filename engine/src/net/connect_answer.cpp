#include "net/connect_answer.hpp"

#include "base/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace gantry::net {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";

bool starts_with_name(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return false;
  return std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) { return (a | 0x20) == (b | 0x20); });
}

failure malformed(std::string_view why) { return {errc::protocol_error, fmt::format("the proxy's answer is not HTTP: {}", why)}; }

}  // namespace

std::string connect_request(std::string_view authority, std::string_view authorization) {
  std::string text = fmt::format("CONNECT {0} HTTP/1.1\r\nHost: {0}\r\nUser-Agent: gantry\r\n", authority);
  if (!authorization.empty()) text += fmt::format("Proxy-Authorization: {}\r\n", authorization);
  return text + "\r\n";
}

result<void> connect_answer::feed(std::span<const std::byte> bytes) {
  total_ += bytes.size();
  if (total_ > limit) return failure(errc::limit_exceeded, fmt::format("the proxy's answer is longer than {} bytes", limit));
  raw_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  constexpr std::string_view start = "HTTP/1.";
  if (!std::string_view(raw_).starts_with(start.substr(0, raw_.size()))) return malformed("it does not begin with HTTP/1.");
  for (std::size_t end = raw_.find(head_end); end != std::string::npos; end = raw_.find(head_end)) {
    const result<void> read = read_head(std::string_view(raw_).substr(0, end));
    if (!read) return read.error();
    raw_.erase(0, end + head_end.size());
    const bool informational = status_ / 100 == 1;
    if (informational) {
      status_ = 0;
      continue;
    }
    if (status_ / 100 == 2 && !raw_.empty()) return malformed("bytes follow the answer that opened the tunnel");
    return {};
  }
  return {};
}

result<void> connect_answer::read_head(std::string_view head) {
  const std::string_view line = head.substr(0, head.find("\r\n"));
  // HTTP/1.x NNN[ reason]
  const bool shaped = line.size() >= 12 && (line[7] == '0' || line[7] == '1') && line[8] == ' ' && (line.size() == 12 || line[12] == ' ');
  if (!shaped) return malformed("its first line is malformed");
  unsigned status = 0;
  const auto [end, ec] = std::from_chars(line.data() + 9, line.data() + 12, status);
  if (ec != std::errc() || end != line.data() + 12 || status < 100 || status > 599 || status == 101) return malformed("its status is none");
  const bool odd = std::any_of(head.begin(), head.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\r' && c != '\n' && c != '\t') || byte == 0x7f;
  });
  if (odd) return malformed("it holds control characters");
  status_ = status;
  std::string_view rest = head;
  while (!rest.empty()) {
    const std::size_t stop = std::min(rest.find("\r\n"), rest.size());
    const std::string_view field = rest.substr(0, stop);
    rest.remove_prefix(std::min(stop + 2, rest.size()));
    constexpr std::string_view name = "Proxy-Authenticate";
    if (!starts_with_name(field, name)) continue;
    const std::string text = clean_text(field.substr(name.size() + 1), 64);
    if (!offered_.empty()) offered_ += ", ";
    offered_ += text.substr(0, text.find(' '));
  }
  return {};
}

failure connect_refusal(const connect_answer& answer, std::string_view proxy, std::string_view target, bool sent_credentials) {
  const unsigned status = answer.status();
  if (status == 407) {
    const bool basic = answer.offered().empty() || clean_text(answer.offered()).find("asic") != std::string::npos;
    if (!basic) {
      return {errc::unexpected_status,
              fmt::format("the proxy {} asks for {}, and only Basic is supported; a local proxy such as cntlm can stand between", proxy,
                          answer.offered())};
    }
    return {errc::unexpected_status,
            sent_credentials
                ? fmt::format("the proxy {} does not accept the user name and password in its URL", proxy)
                : fmt::format("the proxy {} asks for a user name and password; write them into its URL: http://USER:PASSWORD@HOST:PORT",
                              proxy)};
  }
  if (status >= 500) return {errc::server_error, fmt::format("the proxy {} could not reach {}: it answered {}", proxy, target, status)};
  return {errc::unexpected_status,
          fmt::format("the proxy {} does not let us through to {}: it answered {}; ask its administrator, or list the "
                      "host in NO_PROXY if it can be reached directly",
                      proxy, target, status)};
}

}  // namespace gantry::net
