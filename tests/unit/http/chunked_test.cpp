#include "http/chunked.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>
#include <vector>

using gantry::http::chunked_decoder;

namespace {

struct outcome {
  std::string body;
  std::size_t consumed = 0;
  bool done = false;
  gantry::error_code error;
};

outcome decode(std::string_view text, std::size_t piece = 1 << 20, std::size_t room = 1 << 20) {
  chunked_decoder decoder;
  outcome got;
  std::vector<std::byte> out(room);
  while (got.consumed < text.size() && !decoder.done()) {
    const auto part = text.substr(got.consumed, piece);
    const auto step = decoder.decode(std::as_bytes(std::span(part.data(), part.size())), out);
    if (!step) {
      got.error = step.error().code;
      return got;
    }
    got.consumed += step->consumed;
    got.body.append(reinterpret_cast<const char*>(out.data()), step->produced);
  }
  got.done = decoder.done();
  return got;
}

}  // namespace

TEST_CASE("chunks are joined whatever the pieces they come in") {
  const std::string text = "5\r\nhello\r\n1;name=\"value\"\r\n \r\n00A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{1000}}) {
    for (const std::size_t room : {std::size_t{1}, std::size_t{4}, std::size_t{1000}}) {
      CAPTURE(piece, room);
      const outcome got = decode(text + "HTTP/1.1", piece, room);
      CHECK(got.done);
      CHECK(got.body == "hello 0123456789");
      CHECK(got.consumed == text.size());
    }
  }
}

TEST_CASE("an empty body is one last chunk") {
  const outcome got = decode("0\r\n\r\n");
  CHECK(got.done);
  CHECK(got.body.empty());
}

TEST_CASE("a buffer can be decoded in place") {
  std::string text = "3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
  chunked_decoder decoder;
  const auto bytes = std::as_writable_bytes(std::span(text.data(), text.size()));
  const auto step = decoder.decode(bytes, bytes);
  REQUIRE(step.has_value());
  CHECK(step->consumed == text.size());
  CHECK(text.substr(0, step->produced) == "abcdefg");
  CHECK(decoder.done());
}

TEST_CASE("a body that breaks off is not done") {
  const std::string text = "5\r\nhello\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t length = 0; length < text.size(); ++length) CHECK_FALSE(decode(std::string_view(text).substr(0, length)).done);
}

TEST_CASE("malformed framing is refused") {
  for (const char* text : {"\r\n",
                           "g\r\n",
                           "-1\r\n",
                           "+1\r\n",
                           " 1\r\n",
                           "0x1\r\n",
                           "1\n",
                           "1\rx",
                           "1\r\nab",
                           "1\r\na\n",
                           "1\r\na\rx",
                           ";x\r\n",
                           "1;\x01\r\n",
                           "1;a\n",
                           "1000000000000000\r\n",
                           "00000000000000000001\r\n",
                           "ffffffffffffffffffff\r\n",
                           "0\r\nA: b\n",
                           "0\r\n\n",
                           "0\r\n\rx",
                           "0\r\n folded\r\n",
                           "0\r\nA: \x1b\r\n"}) {
    CAPTURE(text);
    CHECK(decode(text).error == gantry::errc::protocol_error);
  }
}

TEST_CASE("extensions are bounded over the whole body") {
  const std::string chunk = "1;" + std::string(1000, 'e') + "\r\nx\r\n";
  std::string text;
  for (int i = 0; i < 8; ++i) text += chunk;
  CHECK(decode(text + "0\r\n\r\n").done);
  CHECK(decode(text + chunk).error == gantry::errc::limit_exceeded);
  CHECK(decode("1;" + std::string(10'000, 'e')).error == gantry::errc::limit_exceeded);
}

TEST_CASE("trailers are dropped and bounded") {
  std::string text = "0\r\n";
  for (int i = 0; i < 30; ++i) text += "A: " + std::string(1000, 't') + "\r\n";
  CHECK(decode(text + "\r\n").done);
  CHECK(decode(text + "A: " + std::string(5000, 't')).error == gantry::errc::limit_exceeded);
  CHECK(decode("0\r\nA: " + std::string(100'000, 't')).error == gantry::errc::limit_exceeded);
}
