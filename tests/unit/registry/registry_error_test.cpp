#include "registry/registry_error.hpp"

#include "registry/status.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <algorithm>
#include <cctype>
#include <string>

using gantry::registry::parse_registry_error;

namespace {

/// Clients spell codes differently: `DIGEST_INVALID`, `digest invalid`.
std::string folded(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return c == '_' ? ' ' : static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

TEST_CASE("vectors: registry_errors", "[vectors]") {
  gantry::test::for_each_row("registry_errors", [](const gantry::test::vector_row& row) {
    std::string body = row.in("body");
    std::string status = row.in("status");
    if (const std::string raw = row.in("raw_response"); !raw.empty()) {
      const std::size_t end = raw.find("\r\n\r\n");
      body = raw.substr(end + 4);
      status = raw.substr(9, 3);
    }
    gantry::http::response_head head;
    head.status = static_cast<unsigned>(std::stoul(status));
    const auto failed = gantry::registry::status_failure("x", head, body, {});
    // What the server said, and what we say when it said nothing.
    const std::string ours = folded(failed.text.server_message() + " unexpected status code " + gantry::http::describe_status(head.status));
    CHECK(ours.find(folded(row.out("message") + row.out("message_contains"))) != std::string::npos);
  });
}

TEST_CASE("codes and messages are taken from the errors list") {
  const auto said = parse_registry_error(
      R"({"errors":[{"code":"DENIED","message":"no"},{"code":"TOOMANYREQUESTS","message":"slow down","detail":{"a":1}},{"message":"bare"}]})");
  CHECK(said.codes == std::vector<std::string>{"DENIED", "TOOMANYREQUESTS"});
  CHECK(said.message == "DENIED: no; TOOMANYREQUESTS: slow down; bare");
  CHECK(said.has("DENIED"));
  CHECK_FALSE(said.has("UNKNOWN"));
}

TEST_CASE("token services and others are understood too") {
  CHECK(parse_registry_error(R"({"error":"invalid_grant","error_description":"bad refresh token"})").message ==
        "invalid_grant: bad refresh token");
  CHECK(parse_registry_error(R"({"details":"incorrect username or password"})").message == "incorrect username or password");
  CHECK(parse_registry_error(R"({"message":"Not Found"})").message == "Not Found");
  CHECK(parse_registry_error("Not found\r\n").message == "Not found");
}

TEST_CASE("pages, binaries and broken JSON say nothing") {
  for (const std::string& body :
       {std::string(), std::string("<html><body>Bad gateway</body></html>"), std::string("{\"errors\":"), std::string("{}"),
        std::string("[1]"), std::string("\x1f\x8b\x08\x00", 4), std::string(100'000, 'a'), std::string("{\"errors\":[1,null]}")}) {
    CHECK(parse_registry_error(body).message.empty());
    CHECK(parse_registry_error(body).codes.empty());
  }
}

TEST_CASE("nothing of a message reaches the terminal unfiltered or without end") {
  CHECK(parse_registry_error("{\"errors\":[{\"code\":\"A\\u001b[2J\",\"message\":\"x\\ny\"}]}").message == "A?[2J: x y");
  std::string many = "{\"errors\":[";
  for (int i = 0; i < 40; ++i) many += "{\"code\":\"" + std::string(200, 'c') + "\",\"message\":\"" + std::string(1000, 'm') + "\"},";
  many.back() = ']';
  const auto said = parse_registry_error(many + "}");
  CHECK(said.codes.size() == 8);
  CHECK(said.message.size() <= 512);
}
