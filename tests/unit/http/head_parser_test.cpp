#include "http/head_parser.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry::http;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

response_head parse(std::string_view text, method asked = method::get) {
  head_parser parser(asked);
  REQUIRE(parser.feed(bytes_of(text)).value() == text.size());
  REQUIRE(parser.done());
  return std::move(parser).head();
}

gantry::error_code refusal(std::string_view text) {
  head_parser parser(method::get);
  const auto fed = parser.feed(bytes_of(text));
  return fed ? gantry::error_code() : fed.error().code;
}

}  // namespace

TEST_CASE("a head is read from any pieces and the body is left alone") {
  const std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Test:  a b \r\n\r\nhello";
  for (std::size_t piece = 1; piece <= text.size(); ++piece) {
    CAPTURE(piece);
    head_parser parser(method::get);
    CHECK(parser.untouched());
    std::size_t at = 0;
    while (!parser.done()) {
      const auto part = std::string_view(text).substr(at, piece);
      const auto consumed = parser.feed(bytes_of(part));
      REQUIRE(consumed.has_value());
      at += *consumed;
      CHECK_FALSE(parser.untouched());
    }
    CHECK(text.substr(at) == "hello");
    CHECK(parser.head().status == 200);
    CHECK(parser.head().reason == "OK");
    CHECK(*parser.head().find("x-test") == "a b");
    CHECK(parser.head().framing == body_framing::length);
    CHECK(parser.head().content_length == 5);
    CHECK(parser.head().keep_alive);
  }
}

TEST_CASE("the end of a body is found as RFC 9112 says") {
  CHECK(parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").framing == body_framing::chunked);
  const auto open_ended = parse("HTTP/1.1 200 OK\r\n\r\n");
  CHECK(open_ended.framing == body_framing::until_close);
  CHECK_FALSE(open_ended.keep_alive);
  CHECK(parse("HTTP/1.1 204 No Content\r\n\r\n").framing == body_framing::none);
  CHECK(parse("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n").framing == body_framing::none);
  const auto head = parse("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", method::head);
  CHECK(head.framing == body_framing::none);
  CHECK(head.content_length == 0);
  CHECK(head.announces_length);
  CHECK(head.announced_content_length == 7);
  CHECK(head.keep_alive);
}

TEST_CASE("connections are kept as version and Connection say") {
  CHECK_FALSE(parse("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").keep_alive);
  CHECK_FALSE(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").keep_alive);
  CHECK(parse("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").keep_alive);
}

TEST_CASE("informational answers are skipped") {
  const auto head =
      parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  CHECK(head.status == 200);
  CHECK(head.find("Link") == nullptr);
}

TEST_CASE("a protocol that nobody asked for is refused") {
  CHECK(refusal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n") == gantry::errc::protocol_error);
}

TEST_CASE("what is not HTTP is recognised at its first bytes") {
  CHECK(refusal("SSH-2.0-OpenSSH_9.2") == gantry::errc::protocol_error);
  CHECK(refusal("\x15\x03\x01") == gantry::errc::protocol_error);
  CHECK(refusal("<html>") == gantry::errc::protocol_error);
  CHECK(refusal("HTTP/1.1 200 OK\nA: b\n\n") == gantry::errc::protocol_error);
}

TEST_CASE("heads are bounded one by one and together") {
  const std::string field(1000, 'x');
  std::string head = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 31; ++i) head += "A: " + field + "\r\n";
  CHECK(parse(head + "Content-Length: 0\r\n\r\n").headers.size() == 32);
  CHECK(refusal(head + "A: " + field + "\r\nA: " + field + "\r\n") == gantry::errc::limit_exceeded);
  CHECK(refusal("HTTP/1.1 200 OK\r\nA: " + std::string(40'000, 'x')) == gantry::errc::limit_exceeded);

  std::string hints = "HTTP/1.1 103 Early Hints\r\n";
  for (int i = 0; i < 20; ++i) hints += "Link: " + field + "\r\n";
  hints += "\r\n";
  CHECK_FALSE(refusal(hints + hints + hints));
  CHECK(refusal(hints + hints + hints + hints) == gantry::errc::limit_exceeded);
}
