#include "serve/gate.hpp"

#include "base/base64.hpp"
#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"

#include <string>

using namespace gantry::serve;
using gantry::test::must;
using gantry::test::must_fail;

namespace {

// Of the password "secret", cost 4, by `htpasswd -nbBC 4`.
const std::string alice = "alice:$2y$04$9w4UMcbBRqyKYNhLWEE2fOlmdTgIUafmDqr562GibVbiovGmg/tsu";

std::string basic(const std::string& user, const std::string& password) { return "Basic " + gantry::base64_encode(user + ":" + password); }

}  // namespace

TEST_CASE("only bcrypt files are read, and errors name the line but not the hash") {
  CHECK(htpasswd::parse("# users\n\n" + alice + "\r\n", "users").has_value());
  for (const std::string& text :
       {std::string("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n"), std::string("bob:$apr1$a$b\n"), std::string("bob\n"), std::string(":x\n"),
        std::string(), alice + "\n" + alice + "\n", alice.substr(0, 40)}) {
    CAPTURE(text);
    const auto refused = must_fail(htpasswd::parse(text, "users"), gantry::errc::invalid_option);
    CHECK(refused.text.message().find("users") != std::string::npos);
    CHECK(refused.text.message().find("W6ph") == std::string::npos);
  }
}

TEST_CASE("the right password lets in, everything else does not") {
  const htpasswd users = must(htpasswd::parse(alice + "\n", "users"));
  CHECK(users.matches("alice", "secret"));
  CHECK_FALSE(users.matches("alice", "Secret"));
  CHECK_FALSE(users.matches("alice", ""));
  CHECK_FALSE(users.matches("alice", std::string("secret\0x", 8)));
  CHECK_FALSE(users.matches("mallory", "secret"));
}

TEST_CASE("the Basic scheme is read strictly") {
  CHECK(parse_basic(basic("a", "b:c")) == std::pair<std::string, std::string>("a", "b:c"));
  CHECK(parse_basic("basic  " + gantry::base64_encode("a:")) == std::pair<std::string, std::string>("a", ""));
  for (const char* field : {"", "Basic", "Basic ", "Bearer YTpi", "Basic YWI=", "Basic !!!!"}) {
    CAPTURE(field);
    CHECK_FALSE(parse_basic(field));
  }
}

TEST_CASE("the gate remembers whom it let in and nobody else") {
  gantry::test::loop loop;
  gantry::runtime::lanes lanes;
  gantry::runtime::stop_source stop;
  gate door(lanes, must(htpasswd::parse(alice + "\n", "users")));
  const std::string right = basic("alice", "secret");
  const std::string wrong = basic("alice", "wrong");
  for (int i = 0; i < 2; ++i) {
    CHECK(loop.run(door.admit(&right, stop)) == std::optional<std::string>("alice"));
    CHECK_FALSE(loop.run(door.admit(&wrong, stop)).has_value());
    CHECK_FALSE(loop.run(door.admit(nullptr, stop)).has_value());
  }
}
