#include "net/socks5.hpp"

#include "support/catch.hpp"

#include <string>
#include <string_view>

using namespace gantry;
using namespace gantry::net;
using namespace std::string_literals;

namespace {

result<void> feed(socks5_client& client, std::string_view text) { return client.feed(std::as_bytes(std::span(text.data(), text.size()))); }

/// Feeds \p text as the client asks for it. \returns what is left of it.
std::string serve(socks5_client& client, std::string text) {
  while (!text.empty() && !client.done()) {
    const std::size_t part = std::min(text.size(), client.wanted());
    REQUIRE(feed(client, text.substr(0, part)));
    text.erase(0, part);
  }
  return text;
}

error_code refused(socks5_client client, std::string text) {
  while (!text.empty()) {
    const std::size_t part = std::min(text.size(), client.wanted());
    const auto outcome = feed(client, text.substr(0, part));
    if (!outcome) return outcome.error().code;
    text.erase(0, part);
  }
  return {};
}

const std::string no_password = "\x05\x00"s;
const std::string ipv4_bound = "\x05\x00\x00\x01\x7f\x00\x00\x01\x1f\x90"s;

}  // namespace

TEST_CASE("a name goes to the proxy as a name") {
  socks5_client client("registry.test", 5000, "", "");
  CHECK(client.take_output() == "\x05\x01\x00"s);
  CHECK(client.wanted() == 2);
  CHECK(serve(client, no_password).empty());
  CHECK(client.take_output() == "\x05\x01\x00\x03\x0dregistry.test\x13\x88"s);
  CHECK(serve(client, ipv4_bound + "x") == "x");
  CHECK(client.done());
}

TEST_CASE("address literals go as addresses") {
  socks5_client four("192.0.2.1", 80, "", "");
  four.take_output();
  serve(four, no_password);
  CHECK(four.take_output() == "\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"s);
  socks5_client six("::1", 80, "", "");
  six.take_output();
  serve(six, no_password);
  CHECK(six.take_output() == "\x05\x01\x00\x04"s + std::string(15, '\0') + "\x01\x00\x50"s);
}

TEST_CASE("a user name is offered, and sent only when the proxy asks") {
  socks5_client client("h", 1, "me", "secret");
  CHECK(client.take_output() == "\x05\x02\x00\x02"s);
  serve(client, "\x05\x02"s);
  CHECK(client.take_output() == "\x01\x02me\x06secret"s);
  serve(client, "\x01\x00"s);
  CHECK(client.take_output().substr(0, 4) == "\x05\x01\x00\x03"s);
  socks5_client unasked("h", 1, "me", "secret");
  unasked.take_output();
  serve(unasked, no_password);
  CHECK(unasked.take_output().find("secret") == std::string::npos);
}

TEST_CASE("bound addresses of every kind are read to their end") {
  for (const std::string& reply :
       {ipv4_bound, "\x05\x00\x00\x03\x04host\x00\x50"s, "\x05\x00\x00\x04"s + std::string(18, 'x'), "\x05\x00\x00\x03\x00\x00\x50"s}) {
    socks5_client client("h", 1, "", "");
    client.take_output();
    CHECK(serve(client, no_password + reply + "rest") == "rest");
    CHECK(client.done());
  }
}

TEST_CASE("refusals are told apart") {
  CHECK(refused({"h", 1, "", ""}, "\x05\xff"s) == errc::unexpected_status);
  CHECK(refused({"h", 1, "", ""}, "\x04\x5a"s) == errc::protocol_error);
  CHECK(refused({"h", 1, "", ""}, "\x05\x02"s) == errc::protocol_error);
  CHECK(refused({"h", 1, "u", "p"}, "\x05\x02\x01\x01"s) == errc::unexpected_status);
  CHECK(refused({"h", 1, "", ""}, no_password + "\x05\x02\x00\x01\x00"s) == errc::unexpected_status);
  CHECK(refused({"h", 1, "", ""}, no_password + "\x05\x04\x00\x01\x00"s) == errc::server_error);
  CHECK(refused({"h", 1, "", ""}, no_password + "\x05\x05\x00\x01\x00"s) == errc::connection_refused);
  CHECK(refused({"h", 1, "", ""}, no_password + "\x05\x00\x00\x09\x00"s) == errc::protocol_error);
}
