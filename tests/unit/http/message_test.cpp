#include "http/message.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>
#include <vector>

using namespace gantry::http;

namespace {

request get(std::string_view target) {
  request message;
  message.target = url::parse("https://registry.example/").value();
  message.target.target = target;
  return message;
}

}  // namespace

TEST_CASE("vectors: content_length", "[vectors]") {
  gantry::test::for_each_row("content_length", [](const gantry::test::vector_row& row) {
    std::vector<std::string_view> values;
    for (const auto& value : row.input.as_array()) values.emplace_back(value.as_string().data(), value.as_string().size());
    const auto length = parse_content_length(values);
    CHECK(length.has_value() == !row.out_true("error"));
    if (length) CHECK(std::to_string(*length) == row.out("size"));
  });
}

TEST_CASE("a request is written with what HTTP demands") {
  request message = get("/v2/");
  message.set("Authorization", "Bearer abc");
  CHECK(serialize(message).value() ==
        "GET /v2/ HTTP/1.1\r\nHost: registry.example\r\nAuthorization: Bearer abc\r\nUser-Agent: gantry\r\nAccept: */*\r\n\r\n");
}

TEST_CASE("a body is announced by its length, and so is an empty one of a POST") {
  request message = get("/token");
  message.verb = method::post;
  message.set("User-Agent", "test");
  message.set("Accept", "application/json");
  CHECK(serialize(message).value() ==
        "POST /token HTTP/1.1\r\nHost: registry.example\r\nUser-Agent: test\r\nAccept: application/json\r\nContent-Length: 0\r\n\r\n");
  message.body = "a=b";
  CHECK(serialize(message).value().ends_with("Content-Length: 3\r\n\r\na=b"));
  message.body.clear();
  message.body_size = 1000;
  CHECK(serialize(message).value().ends_with("Content-Length: 1000\r\n\r\n"));
  message.body_size = size_unknown;
  CHECK(serialize(message).value().ends_with("Accept: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"));
}

TEST_CASE("nothing in a request can break its lines") {
  for (const char* target : {"", "v2/", "/a b", "/a\r\nX: y", "/a\n", "/a\t", "/a#b", "/\x7f", "/\xc3\xa9"}) {
    CAPTURE(target);
    CHECK_FALSE(serialize(get(target)).has_value());
  }
  CHECK_FALSE(serialize(get(std::string("/a\0b", 4))).has_value());
  for (const std::string& value : {std::string("a\r\nX: y"), std::string("a\n"), std::string("a\rb"), std::string("a\0b", 3),
                                   std::string(" a"), std::string("a "), std::string("\x1b[0m"), std::string("\x7f")}) {
    CAPTURE(value);
    request message = get("/");
    message.set("X-Test", value);
    const auto text = serialize(message);
    REQUIRE_FALSE(text.has_value());
    CHECK(text.error().code == gantry::errc::internal_error);
  }
  for (const std::string& name : {std::string(), std::string("A b"), std::string("A:"), std::string("A\r\n"), std::string("\xc3\xa9")}) {
    CAPTURE(name);
    request message = get("/");
    message.headers.push_back({name, "x"});
    CHECK_FALSE(serialize(message).has_value());
  }
}

TEST_CASE("fields that frame a message are not the caller's") {
  for (const char* name : {"Host", "content-length", "Transfer-Encoding"}) {
    request message = get("/");
    message.set(name, "1");
    CHECK_FALSE(serialize(message).has_value());
  }
}

TEST_CASE("fields are found, replaced and removed whatever their case") {
  request message = get("/");
  message.set("Accept", "a");
  message.set("ACCEPT", "b");
  REQUIRE(message.headers.size() == 1);
  CHECK(*message.find("accept") == "b");
  message.erase("aCCept");
  CHECK(message.find("accept") == nullptr);

  response_head head;
  head.headers = {{"Link", "a"}, {"Other", "x"}, {"link", "b"}};
  CHECK(head.all("LINK") == std::vector<std::string_view>{"a", "b"});
  CHECK(*head.find("link") == "a");
  CHECK(head.find("none") == nullptr);
}

TEST_CASE("a status is described by its registered name") {
  CHECK(describe_status(404) == "404 Not Found");
  CHECK(describe_status(524) == "524");
  CHECK(describe_status(999) == "999");
}
