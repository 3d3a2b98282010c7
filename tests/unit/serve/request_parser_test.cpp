#include "serve/request_parser.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>
#include <string_view>

using gantry::serve::request_parser;

namespace {

std::size_t feed(request_parser& parser, std::string_view text) { return parser.feed(std::as_bytes(std::span(text))); }

/// 0 when the head is accepted.
unsigned refusal_of(const std::string& text) {
  request_parser parser;
  feed(parser, text);
  if (!parser.complete()) return 1;  // waits for more
  return parser.refusal() ? parser.refusal()->status : 0;
}

std::string with(const std::string& fields, const std::string& method = "POST") {
  return method + " / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("vectors: http_framing as a server sees it", "[vectors]") {
  gantry::test::for_each_row("http_framing", [](const gantry::test::vector_row& row) {
    if (!row.in("status_line").empty()) return;  // of answers
    std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    if (const auto* fields = row.input.as_object().if_contains("request_headers")) {
      for (const auto& field : fields->as_array()) head += std::string(field.as_string()) + "\r\n";
    }
    if (const std::string line = row.in("request_line"); !line.empty()) head = line + "\r\nHost: h\r\n";
    if (const std::string line = row.in("field_line"); !line.empty()) head += line + "\r\n";
    CHECK((refusal_of(head + "\r\n") == 400) == row.out_true("rejected"));
  });
}

TEST_CASE("an ordinary request is read, byte by byte or at once") {
  const std::string text = "GET /v2/ HTTP/1.1\r\nHost: h:1\r\nAccept:  a, b \r\n\r\n";
  request_parser whole;
  CHECK(whole.untouched());
  CHECK(feed(whole, text + "GET /next") == text.size());
  REQUIRE(whole.complete());
  REQUIRE_FALSE(whole.refusal());
  CHECK(whole.head().method == "GET");
  CHECK(whole.head().target == "/v2/");
  REQUIRE(whole.head().find("accept") != nullptr);
  CHECK(*whole.head().find("accept") == "a, b");
  CHECK(whole.head().keep_alive);
  CHECK_FALSE(whole.head().has_body);

  request_parser slow;
  for (const char c : text) {
    CHECK_FALSE(slow.complete());
    CHECK(feed(slow, std::string_view(&c, 1)) == 1);
    CHECK_FALSE(slow.untouched());
  }
  CHECK(slow.complete());
  CHECK_FALSE(slow.refusal());
}

TEST_CASE("who wants the connection closed is heard") {
  const auto keeps = [](const std::string& text) {
    request_parser parser;
    feed(parser, text);
    REQUIRE(parser.complete());
    REQUIRE_FALSE(parser.refusal());
    return parser.head().keep_alive;
  };
  CHECK(keeps("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.1\r\nHost: h\r\nConnection: upgrade, Close\r\n\r\n"));
  CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  CHECK(keeps("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
}

TEST_CASE("a body is noticed in every form") {
  for (const char* fields : {"Content-Length: 1\r\n", "Content-Length: 007\r\n", "Transfer-Encoding: chunked\r\n"}) {
    CAPTURE(fields);
    request_parser parser;
    feed(parser, with(fields));
    REQUIRE(parser.complete());
    REQUIRE_FALSE(parser.refusal());
    CHECK(parser.head().has_body);
  }
  request_parser none;
  feed(none, with("Content-Length: 0\r\n"));
  REQUIRE(none.complete());
  CHECK_FALSE(none.head().has_body);
}

TEST_CASE("what two readers could read differently is refused") {
  for (const char* fields :
       {"Content-Length: 5\r\nContent-Length: 5\r\n", "Content-Length: 5, 5\r\n", "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", "Transfer-Encoding: chunked, chunked\r\n", "Transfer-Encoding: identity\r\n",
        "A: b\r\n c\r\n", "A : b\r\n", "Content-Length: +5\r\n", "A: b\nC: d\r\n", "A: b\rC: d\r\n", "Host: other\r\n",
        "Transfer-Encoding:\x0b chunked\r\n"}) {
    CAPTURE(fields);
    CHECK(refusal_of(with(fields)) == 400);
  }
  for (const char* text :
       {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\nHost: h\n\n", "GET http://h/v2/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1 \r\nHost: h\r\n\r\n",
        "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", "GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /#x HTTP/1.1\r\nHost: h\r\n\r\n", "\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "\x16\x03\x01", "GET /\r\n\r\n"}) {
    CAPTURE(text);
    CHECK(refusal_of(text) == 400);
  }
  CHECK(refusal_of(with("Transfer-Encoding: chunked\r\n").replace(7, 8, "HTTP/1.0")) == 400);
}

TEST_CASE("heads have limits") {
  const std::string long_target(request_parser::target_limit, 'a');
  CHECK(refusal_of("GET /" + long_target) == 414);
  CHECK(refusal_of("GET /" + long_target + " HTTP/1.1\r\nHost: h\r\n\r\n") == 414);
  CHECK(refusal_of("GET / HTTP/1.1\r\nHost: h\r\nA: " + std::string(request_parser::head_limit, 'a')) == 431);
  std::string many;
  for (std::size_t i = 0; i < request_parser::field_limit; ++i) many += "A: b\r\n";
  CHECK(refusal_of(with(many)) == 431);
}
