#include "registry/token_response.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using gantry::registry::parse_token_response;
using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

const system_clock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 8 / 1);

seconds life_of(const std::string& body) {
  return std::chrono::duration_cast<seconds>(parse_token_response(body, now).value().expires_at - now);
}

}  // namespace

TEST_CASE("vectors: token_response", "[vectors]") {
  gantry::test::for_each_row("token_response", [](const gantry::test::vector_row& row) {
    const std::string body(row.input.as_string());
    const std::string expires = row.out("expires_unix");
    // Received while the token was fresh.
    const auto received = expires.empty() ? now : system_clock::time_point(seconds(std::stoll(expires) - 60));
    const auto response = parse_token_response(body, received);
    CHECK(response.has_value() == !row.out_true("error"));
    if (!response) return;
    CHECK(response->token == row.out("token"));
    const auto wanted =
        expires.empty() ? now + seconds(std::stoi(row.out("expires").substr(4))) : system_clock::time_point(seconds(std::stoll(expires)));
    CHECK(response->expires_at == wanted);
  });
}

TEST_CASE("a token lives for a minute at least and a day at most") {
  CHECK(life_of(R"({"token":"t"})") == seconds(60));
  CHECK(life_of(R"({"token":"t","expires_in":0})") == seconds(60));
  CHECK(life_of(R"({"token":"t","expires_in":-1})") == seconds(60));
  CHECK(life_of(R"({"token":"t","expires_in":300})") == seconds(300));
  CHECK(life_of(R"({"token":"t","expires_in":"300"})") == seconds(300));
  CHECK_FALSE(parse_token_response(R"({"token":"t","expires_in":"soon"})", now));
  CHECK(life_of(R"({"token":"t","expires_in":9000000000000000000})") == seconds(86'400));
}

TEST_CASE("a clock that is wrong does not make a fresh token stale") {
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"2026-07-31T23:59:00Z"})") == seconds(240));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"2026-08-01T01:59:00.123456+02:00"})") == seconds(240));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"2026-07-31T18:59:00-05:00"})") == seconds(240));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"2026-07-31T20:00:00Z"})") == seconds(300));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"2026-08-01T05:00:00Z"})") == seconds(300));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"9999-99-99T99:99:99Z"})") == seconds(300));
  CHECK(life_of(R"({"token":"t","expires_in":300,"issued_at":"yesterday"})") == seconds(300));
}

TEST_CASE("token and refresh token are taken, token before access_token") {
  const auto response = parse_token_response(R"({"access_token":"a","token":"t","refresh_token":"r"})", now).value();
  CHECK(response.token == "t");
  CHECK(response.refresh_token == "r");
  CHECK(parse_token_response(R"({"access_token":"a","token":null})", now).value().token == "a");
}

TEST_CASE("answers without a usable token are refused") {
  for (const char* body : {"", "{}", "[]", "null", R"({"token":""})", R"({"token":1})", R"({"token":"a","token":"b"})",
                           R"({"token":"a\r\nX: y"})", R"({"token":"a b"})", R"({"token":"t"} x)"}) {
    CAPTURE(body);
    const auto response = parse_token_response(body, now);
    REQUIRE_FALSE(response.has_value());
    CHECK(response.error().code == gantry::errc::malformed_document);
  }
  const auto huge = parse_token_response("{\"token\":\"" + std::string(200'000, 'a') + "\"}", now);
  REQUIRE_FALSE(huge.has_value());
  CHECK(huge.error().code == gantry::errc::limit_exceeded);
}
