#include "http/head_check.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using gantry::http::check_head;
using gantry::http::head_kind;

namespace {

bool accepts_fields(const std::string& fields) {
  return check_head("HTTP/1.1 200 OK\r\n" + fields + "\r\n", head_kind::response).has_value();
}

}  // namespace

TEST_CASE("vectors: http_framing", "[vectors]") {
  gantry::test::for_each_row("http_framing", [](const gantry::test::vector_row& row) {
    head_kind kind = head_kind::request;
    std::string head = "POST / HTTP/1.1\r\nHost: h\r\n";
    if (const auto* fields = row.input.as_object().if_contains("request_headers")) {
      for (const auto& field : fields->as_array()) head += std::string(field.as_string()) + "\r\n";
    }
    if (const std::string line = row.in("request_line"); !line.empty()) head = line + "\r\nHost: h\r\n";
    if (const std::string line = row.in("field_line"); !line.empty()) head += line + "\r\n";
    if (const std::string line = row.in("status_line"); !line.empty()) {
      head = line + "\r\n";
      kind = head_kind::response;
    }
    CHECK(check_head(head + "\r\n", kind).has_value() != row.out_true("rejected"));
  });
}

TEST_CASE("ordinary heads pass") {
  CHECK(check_head("GET /v2/ HTTP/1.1\r\nHost: h\r\n\r\n", head_kind::request).has_value());
  CHECK(check_head("HTTP/1.1 200 OK\r\n\r\n", head_kind::response).has_value());
  CHECK(check_head("HTTP/1.1 200 \r\n\r\n", head_kind::response).has_value());
  CHECK(check_head("HTTP/1.0 404 Not Found\r\nContent-Length: 0\r\n\r\n", head_kind::response).has_value());
  CHECK(accepts_fields("Content-Length: 5\r\n"));
  CHECK(accepts_fields("Content-Length: 5, 5\r\nContent-Length: 5\r\n"));
  CHECK(accepts_fields("transfer-encoding: Chunked\r\n"));
  CHECK(accepts_fields("Empty:\r\nX: caf\xc3\xa9\r\n"));
}

TEST_CASE("heads that two readers could understand differently are refused") {
  for (const char* fields : {"Transfer-Encoding: gzip\r\n",
                             "Transfer-Encoding: gzip, chunked\r\n",
                             "Transfer-Encoding: chunked, gzip\r\n",
                             "Transfer-Encoding: chunked, chunked\r\n",
                             "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
                             "Transfer-Encoding:\r\n",
                             "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
                             "Content-Length: +5\r\n",
                             "Content-Length: 0x5\r\n",
                             "Content-Length: 5\r\nContent-Length: 6\r\n",
                             "Content-Length: -1\r\n",
                             "Content-Length: 5;\r\n",
                             "A: b\r\n folded\r\n",
                             " A: b\r\n",
                             "A : b\r\n",
                             ": b\r\n",
                             "A\r\n",
                             "A: b\nC: d\r\n",
                             "A: \x1b[0m\r\n",
                             "A: b\rc\r\n",
                             "\xc3\xa9: b\r\n",
                             "A: b\r\n\r\nC: d\r\n"}) {
    CAPTURE(fields);
    CHECK_FALSE(accepts_fields(fields));
  }
  CHECK_FALSE(accepts_fields(std::string("A: b\0c\r\n", 8)));
  CHECK_FALSE(check_head("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head_kind::response).has_value());
  for (const char* line :
       {"HTTP/2 200 OK", "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "http/1.1 200 OK", "HTTP/1.1\t200 OK", "HTTP/1.1 099 X", ""}) {
    CAPTURE(line);
    CHECK_FALSE(check_head(std::string(line) + "\r\n\r\n", head_kind::response).has_value());
  }
}

TEST_CASE("a head without its end is refused") {
  CHECK_FALSE(check_head("", head_kind::response).has_value());
  CHECK_FALSE(check_head("HTTP/1.1 200 OK\r\n", head_kind::response).has_value());
  CHECK_FALSE(check_head("HTTP/1.1 200 OK\r\nA: b", head_kind::response).has_value());
}
