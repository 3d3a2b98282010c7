#include "support/fake_exchange.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace gantry::test {
namespace {

constexpr std::chrono::hours forever{1};

struct byte_range {
  std::uint64_t first;
  std::uint64_t last;
};

/// `bytes=a-b` and `bytes=a-`, the only forms a resuming client needs.
std::optional<byte_range> range_of(const fake_request& request, std::uint64_t size) {
  unsigned long long first = 0;
  unsigned long long last = 0;
  const int fields = std::sscanf(request.header("range").c_str(), "bytes=%llu-%llu", &first, &last);
  if (fields < 1) return std::nullopt;
  return byte_range{first, fields == 1 || last >= size ? size - 1 : last};
}

/// Whether the other side has closed \p connection.
bool is_gone(const socket_handle& connection) {
  char next = 0;
  const ssize_t got = ::recv(connection.fd(), &next, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

std::string chunk_of(const std::string& piece) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", piece.size());
  return size + piece + "\r\n";
}

/// What has no end, until the client leaves or the server stops.
void repeat(socket_handle& connection, const fake_answer& answer, sent_answer& sent,
            const std::function<bool(std::chrono::milliseconds)>& sleep) {
  while (!answer.again.empty() && connection.send(answer.again)) {
    sent.body += answer.again.size();
    if (answer.pause.count() > 0 && !sleep(answer.pause)) return;
  }
}

}  // namespace

std::optional<fake_request> read_request(socket_handle& connection, std::string& unread) {
  std::size_t end = std::string::npos;
  while ((end = unread.find("\r\n\r\n")) == std::string::npos) {
    const std::string more = connection.receive(16384, forever);
    if (more.empty()) return std::nullopt;
    unread += more;
    if (std::isupper(static_cast<unsigned char>(unread.front())) == 0) return fake_request{};
  }
  const std::string head = unread.substr(0, end + 2);
  unread.erase(0, end + 4);
  fake_request request;
  const std::size_t line = head.find("\r\n");
  const std::size_t first = head.find(' ');
  const std::size_t second = head.find(' ', first + 1);
  if (second >= line) return fake_request{};
  request.method = head.substr(0, first);
  request.target = head.substr(first + 1, second - first - 1);
  request.headers = parse_headers(std::string_view(head).substr(line + 2));
  std::size_t body = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
  while (body > unread.size()) {
    const std::string more = connection.receive(16384, forever);
    if (more.empty()) return std::nullopt;
    unread += more;
  }
  unread.erase(0, body);
  return request;
}

void apply(const fault& trouble, const std::string& own_url, fake_answer& answer) {
  switch (trouble.what) {
    case fault::kind::answer:
      answer.status = trouble.status;
      answer.headers = trouble.headers;
      for (auto& [name, value] : answer.headers) {
        if (const std::size_t at = value.find("{self}"); at != std::string::npos) value.replace(at, 6, own_url);
      }
      answer.content = std::make_shared<const std::string>(trouble.body);
      answer.ranges = false;
      break;
    case fault::kind::truncate:
    case fault::kind::stall:
    case fault::kind::reset:
      answer.end_after = trouble.amount;
      answer.then = trouble.what == fault::kind::truncate ? fake_answer::ending::close
                    : trouble.what == fault::kind::stall  ? fake_answer::ending::stall
                                                          : fake_answer::ending::reset;
      break;
    case fault::kind::silence:
      answer.silent = true;
      answer.waits = !trouble.then_close;
      break;
    case fault::kind::wrong_bytes:
      answer.changed = trouble.amount;
      break;
    case fault::kind::ignore_range:
      answer.ranges = false;
      if (trouble.then_close) {
        answer.end_after = trouble.amount;
        answer.then = fake_answer::ending::close;
      }
      break;
    case fault::kind::refuse_range:
      answer.refuses_ranges = true;
      answer.refused_text = trouble.body;
      break;
    case fault::kind::content_range:
      answer.range_text = trouble.range_text;
      break;
    case fault::kind::chunked:
      answer.chunked = true;
      break;
    case fault::kind::surplus:
      answer.surplus = trouble.amount;
      break;
    case fault::kind::resize: {
      std::string content = *answer.content;
      content.resize(trouble.amount, 'x');
      answer.content = std::make_shared<const std::string>(std::move(content));
      break;
    }
    case fault::kind::garbage:
      answer.in_place_of_head = "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n";
      break;
    case fault::kind::huge_header:
      answer.headers.emplace_back("X-Padding", std::string(trouble.amount, 'p'));
      break;
    case fault::kind::endless_head:
      answer.in_place_of_head = trouble.body;
      answer.again = trouble.again;
      answer.pause = trouble.pause;
      break;
    case fault::kind::endless_body:
      answer.chunked = true;
      answer.again = chunk_of(std::string(16'384, 'x'));
      break;
    case fault::kind::late:
      answer.delay = trouble.pause;
      break;
    case fault::kind::drip:
      answer.piece = trouble.amount;
      answer.pause = trouble.pause;
      break;
  }
}

sent_answer send_answer(socket_handle& connection, const fake_request& request, const fake_answer& answer,
                        const std::function<bool(std::chrono::milliseconds)>& sleep) {
  sent_answer sent;
  if (answer.silent) {
    // Until the client is tired of it.
    while (answer.waits && !is_gone(connection) && sleep(std::chrono::milliseconds(20))) {
    }
    return sent;
  }
  const bool has_head = answer.in_place_of_head.empty() && (answer.again.empty() || answer.chunked);
  if (!has_head) {
    if (connection.send(answer.in_place_of_head)) repeat(connection, answer, sent, sleep);
    return sent;
  }

  std::string_view body = *answer.content;
  const std::uint64_t total = body.size();
  unsigned status = answer.status;
  header_list headers = answer.headers;
  const std::optional<byte_range> range = answer.ranges && total > 0 ? range_of(request, total) : std::nullopt;
  if (range && answer.refuses_ranges) {
    status = 416;
    if (!answer.refused_text.empty()) headers.emplace_back("Content-Range", answer.refused_text);
    body = {};
  } else if (range && (range->first >= total || range->last < range->first)) {
    status = 416;
    headers.emplace_back("Content-Range", "bytes */" + std::to_string(total));
    body = {};
  } else if (range) {
    status = 206;
    body = body.substr(range->first, range->last - range->first + 1);
    headers.emplace_back("Content-Range", answer.range_text ? answer.range_text(range->first, range->last, total)
                                                            : "bytes " + std::to_string(range->first) + "-" + std::to_string(range->last) +
                                                                  "/" + std::to_string(total));
  }
  std::string head = "HTTP/1.1 " + std::to_string(status) + " Said\r\n";
  for (const auto& [name, value] : headers) head += name + ": " + value + "\r\n";
  head += answer.chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  sent.status = status;
  if (!connection.send(head)) return sent;
  if (request.method == "HEAD") {
    sent.keep = answer.keep;
    return sent;
  }

  const std::uint64_t end = std::min<std::uint64_t>(body.size(), answer.end_after.value_or(body.size()));
  while (sent.body < end) {
    const std::uint64_t size = std::min<std::uint64_t>(answer.piece == 0 ? 65536 : answer.piece, end - sent.body);
    std::string piece(body.substr(sent.body, size));
    if (answer.changed && *answer.changed >= sent.body && *answer.changed < sent.body + size) piece[*answer.changed - sent.body] ^= 1;
    if (!connection.send(answer.chunked ? chunk_of(piece) : piece)) return sent;
    sent.body += size;
    if (answer.pause.count() > 0 && !sleep(answer.pause)) return sent;
  }
  if (answer.end_after && end < body.size()) {
    if (answer.then == fake_answer::ending::stall) sleep(forever);
    if (answer.then == fake_answer::ending::reset) {
      // The bytes before the reset have to arrive: a reset drops what the peer has not read yet.
      sleep(std::chrono::milliseconds(50));
      connection.reset_on_close();
    }
    return sent;
  }
  if (!answer.again.empty()) {
    repeat(connection, answer, sent, sleep);
    return sent;
  }
  if (answer.chunked && !connection.send("0\r\n\r\n")) return sent;
  if (answer.surplus > 0) connection.send(std::string(answer.surplus, 'x'));
  sent.keep = answer.keep && request.header("connection") != "close";
  return sent;
}

}  // namespace gantry::test
