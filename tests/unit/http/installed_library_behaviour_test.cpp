// What the installed Boost.Beast lets pass, throws at or refuses too early, and what this module does all the same.
#include "http/chunked.hpp"
#include "http/head_check.hpp"
#include "http/head_parser.hpp"
#include "http/message.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace gantry::http;
using gantry::errc;
using gantry::error_code;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

struct head_outcome {
  error_code error;
  response_head head;
};

head_outcome read_head(const std::string& text) {
  head_outcome got;
  head_parser parser(method::get);
  const auto fed = parser.feed(bytes_of(text));
  if (!fed) {
    got.error = fed.error().code;
  } else if (parser.done()) {
    got.head = std::move(parser).head();
  } else {
    got.error = errc::connection_lost;
  }
  return got;
}

struct body_outcome {
  error_code error;
  std::string body;
  bool done = false;
};

body_outcome decode(const std::string& text) {
  body_outcome got;
  chunked_decoder decoder;
  std::vector<std::byte> out(text.size());
  const auto step = decoder.decode(bytes_of(text), out);
  if (!step) {
    got.error = step.error().code;
    return got;
  }
  got.body.assign(reinterpret_cast<const char*>(out.data()), step->produced);
  got.done = decoder.done();
  return got;
}

/// Neither a request nor an answer with these fields is read.
void check_refused(const std::string& fields, const std::string& version = "HTTP/1.1") {
  CAPTURE(fields, version);
  const auto asked = check_head("POST / " + version + "\r\nHost: h\r\n" + fields + "\r\n", head_kind::request);
  CHECK_FALSE(asked.has_value());
  if (!asked) CHECK(asked.error().code == errc::protocol_error);
  CHECK(read_head(version + " 200 OK\r\n" + fields + "\r\n").error == errc::protocol_error);
}

request asking(std::string_view target) {
  request message;
  message.target = url::parse("https://registry.example/").value();
  message.target.target = target;
  return message;
}

void check_not_written(const request& message) {
  const auto text = serialize(message);
  CHECK_FALSE(text.has_value());
  if (!text) CHECK(text.error().code == errc::internal_error);
}

void two_equal_lengths() {
  const std::string fields = "Content-Length: 5, 5\r\nContent-Length: 5\r\n";
  CHECK(check_head("POST / HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n", head_kind::request).has_value());
  const head_outcome got = read_head("HTTP/1.1 200 OK\r\n" + fields + "\r\n");
  CHECK_FALSE(got.error);
  CHECK(got.head.framing == body_framing::length);
  CHECK(got.head.content_length == 5);
}

void framing_in_a_trailer() {
  const head_outcome got = read_head("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  CHECK_FALSE(got.error);
  CHECK(got.head.framing == body_framing::chunked);
  // Trailers go nowhere: what the head has said about the connection stands.
  CHECK(got.head.keep_alive);
  const body_outcome body = decode("5\r\nhello\r\n0\r\nConnection: close\r\n\r\n");
  CHECK_FALSE(body.error);
  CHECK(body.done);
  CHECK(body.body == "hello");
}

void large_extension() {
  CHECK(decode("5;" + std::string(64 * 1024, 'e') + "\r\nhello\r\n0\r\n\r\n").error == errc::limit_exceeded);
  const body_outcome modest = decode("5;" + std::string(1000, 'e') + "\r\nhello\r\n0\r\n\r\n");
  CHECK(modest.done);
  CHECK(modest.body == "hello");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "1;name=value\r\nx\r\n";
  CHECK(decode(many + "0\r\n\r\n").error == errc::limit_exceeded);
}

void many_trailers() {
  std::string trailers;
  for (int i = 0; trailers.size() < 1'200'000; ++i) trailers += "X-" + std::to_string(i) + ": y\r\n";
  CHECK(decode("5\r\nhello\r\n0\r\n" + trailers + "\r\n").error == errc::limit_exceeded);
}

void long_trailer() {
  for (const std::size_t size : {65'535u, 65'536u, 70'000u, 1'000'000u}) {
    CAPTURE(size);
    body_outcome got;
    CHECK_NOTHROW(got = decode("5\r\nhello\r\n0\r\nX: " + std::string(size, 'v') + "\r\n\r\n"));
    CHECK(got.error == errc::limit_exceeded);
  }
}

void large_heads() {
  const auto head_of = [](std::size_t size) {
    std::string text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n";
    while (text.size() + 102 < size) text += "X: " + std::string(95, 'p') + "\r\n";
    return text + "\r\n";
  };
  const head_outcome nine = read_head(head_of(9 * 1024));
  CHECK_FALSE(nine.error);
  CHECK(nine.head.content_length == 5);
  CHECK_FALSE(read_head(head_of(31 * 1024)).error);
  CHECK(read_head(head_of(33 * 1024)).error == errc::limit_exceeded);
}

void raw_line_ends() {
  check_not_written(asking("/v2/\r\nX-Injected: yes"));
  check_not_written(asking("/v2/ HTTP/1.1\r\n\r\nGET /other"));
  for (const char* value : {"a\r\nX-Injected: yes", "a\n", "\ra"}) {
    CAPTURE(value);
    request message = asking("/v2/");
    message.set("X-Test", value);
    check_not_written(message);
  }
  request named = asking("/v2/");
  named.headers.push_back({"X-Test\r\nX-Injected", "yes"});
  check_not_written(named);
}

void bodies_without_limit() {
  for (const std::uint64_t size : {std::uint64_t{8} << 20, std::uint64_t{9} << 20, std::uint64_t{1} << 40}) {
    CAPTURE(size);
    const head_outcome got = read_head("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
    CHECK_FALSE(got.error);
    CHECK(got.head.content_length == size);
    request upload = asking("/v2/team/app/blobs/uploads/1");
    upload.verb = method::put;
    upload.body_size = size;
    const auto text = serialize(upload);
    CHECK(text.has_value());
    if (text) CHECK(text->find("\r\nContent-Length: " + std::to_string(size) + "\r\n") != std::string::npos);
  }
  CHECK(decode("10000000000\r\nhello").body == "hello");
}

using checks = std::map<std::string, std::function<void()>>;

const std::map<std::string, checks>& known() {
  static const std::map<std::string, checks> all{
      {"beast_request",
       {{"Content-Length: 5 + Transfer-Encoding: chunked", [] { check_refused("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"); }},
        {"Transfer-Encoding: chunked + Content-Length: 5", [] { check_refused("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"); }},
        {"Transfer-Encoding: gzip + Content-Length: 5", [] { check_refused("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"); }},
        {"Transfer-Encoding: gzip only, body bytes follow", [] { check_refused("Transfer-Encoding: gzip\r\n"); }},
        {"Transfer-Encoding: chunked, gzip", [] { check_refused("Transfer-Encoding: chunked, gzip\r\n"); }},
        {"HTTP/1.0 with Transfer-Encoding: chunked", [] { check_refused("Transfer-Encoding: chunked\r\n", "HTTP/1.0"); }},
        {"Content-Length: 5, 5 and two equal Content-Length fields", two_equal_lengths},
        {"two different Content-Length", [] { check_refused("Content-Length: 5\r\nContent-Length: 6\r\n"); }},
        {"chunked body, trailer Connection: close", framing_in_a_trailer},
        {"chunk extension of 64 KiB", large_extension}}},
      {"beast_response",
       {{"chunked body with ~1.2 MB of small trailer fields", many_trailers},
        {"chunked body with one trailer value of 65536 bytes or more", long_trailer},
        {"9 KB header block", large_heads},
        {"Transfer-Encoding: gzip + Content-Length: 5", [] { check_refused("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"); }},
        {"ESC or NUL byte in a header value",
         [] {
           check_refused("X: \x1b[31m\r\n");
           check_refused(std::string("X: a\0b\r\n", 8));
         }}}},
      {"beast_writer", {{"request target or field value containing CR LF", raw_line_ends}}},
      {"beast_defaults", {{"body_limit", bodies_without_limit}}},
      {"boost_json", {}},
      {"libarchive", {}},  // tests/unit/archive
  };
  return all;
}

}  // namespace

TEST_CASE("vectors: installed_library_behaviour", "[vectors]") {
  gantry::test::for_each_row("installed_library_behaviour", [](const gantry::test::vector_row& row) {
    const std::string component = row.in("component");
    const auto cases = known().find(component);
    if (cases == known().end()) {
      FAIL_CHECK("no test knows this component: " << component << ", source " << row.source);
      return;
    }
    if (cases->second.empty()) return;
    const auto found = cases->second.find(row.in("case"));
    if (found == cases->second.end()) {
      FAIL_CHECK("no test knows this case: " << row.in("case") << ", source " << row.source);
    } else {
      found->second();
    }
  });
}
