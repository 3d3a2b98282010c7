#include "net/connect_answer.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>

using namespace gantry;
using namespace gantry::net;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

connect_answer read(std::string_view text) {
  connect_answer answer;
  CHECK(answer.feed(bytes_of(text)));
  return answer;
}

error_code refused(std::string_view text) {
  connect_answer answer;
  const auto outcome = answer.feed(bytes_of(text));
  return outcome ? error_code() : outcome.error().code;
}

}  // namespace

TEST_CASE("a request for a tunnel names the target and nothing else") {
  CHECK(connect_request("registry.test:443", "") ==
        "CONNECT registry.test:443 HTTP/1.1\r\nHost: registry.test:443\r\nUser-Agent: gantry\r\n\r\n");
  CHECK(connect_request("[::1]:5000", "Basic eDp5").find("\r\nProxy-Authorization: Basic eDp5\r\n") != std::string::npos);
}

TEST_CASE("a success opens the tunnel, in one piece or byte by byte") {
  const std::string_view text = "HTTP/1.0 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n";
  CHECK(read(text).status() == 200);
  connect_answer answer;
  for (const char& c : text) {
    CHECK_FALSE(answer.done());
    REQUIRE(answer.feed(bytes_of(std::string_view(&c, 1))));
  }
  CHECK(answer.status() == 200);
  CHECK(read("HTTP/1.1 200\r\n\r\n").status() == 200);
}

TEST_CASE("informational answers come before the one that counts") {
  CHECK_FALSE(read("HTTP/1.1 100 Continue\r\n\r\n").done());
  CHECK(read("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n\r\n").status() == 200);
}

TEST_CASE("bytes behind a success belong to nobody") {
  CHECK(refused("HTTP/1.1 200 OK\r\n\r\n\x16\x03") == errc::protocol_error);
  // The body of a refusal is not looked at.
  CHECK(read("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno").status() == 403);
}

TEST_CASE("what is not HTTP is refused at the first byte that shows it") {
  for (const char* text :
       {"\x05\x01", "SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 20\r\n\r\n", "HTTP/1.1  200\r\n\r\n",
        "HTTP/1.1 200OK\r\n\r\n", "HTTP/1.1 101 Switching\r\n\r\n", "HTTP/1.1 200 OK\r\nA: \x01\r\n\r\n", "HTTP/1.1 099 x\r\n\r\n",
        "HTTP/1.1 407 x\r\nProxy-Authenticate: \x1b[31mX\r\n\r\n"}) {
    INFO(text);
    CHECK(refused(text) == errc::protocol_error);
  }
}

TEST_CASE("an answer has a limit") {
  const std::string head = "HTTP/1.1 200 OK\r\nX: " + std::string(connect_answer::limit, 'x');
  CHECK(refused(head) == errc::limit_exceeded);
  std::string informational;
  for (int i = 0; i < 2000; ++i) informational += "HTTP/1.1 100 Continue\r\n\r\n";
  CHECK(refused(informational) == errc::limit_exceeded);
}

TEST_CASE("a refusal says what to do") {
  const auto said = [](std::string_view text, bool sent) {
    return connect_refusal(read(text), "http://proxy:3128", "registry.test:443", sent);
  };
  const std::string_view asks = "HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic realm=\"x\"\r\n\r\n";
  CHECK(said(asks, false).text.message().find("USER:PASSWORD") != std::string::npos);
  CHECK(said(asks, true).text.message().find("does not accept") != std::string::npos);
  CHECK(said("HTTP/1.1 407 x\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\n\r\n", false)
            .text.message()
            .find("NTLM, Negotiate") != std::string::npos);
  CHECK(said("HTTP/1.1 403 Forbidden\r\n\r\n", false).code == errc::unexpected_status);
  CHECK(said("HTTP/1.1 403 Forbidden\r\n\r\n", false).text.message().find("registry.test:443") != std::string::npos);
  CHECK(said("HTTP/1.1 503 Service Unavailable\r\n\r\n", false).code == make_error_condition(condition::retryable));
}
