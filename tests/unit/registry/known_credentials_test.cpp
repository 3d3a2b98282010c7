#include "registry/known_credentials.hpp"

#include "support/catch.hpp"

#include <string>

namespace gantry::registry {
namespace {

known_credentials::answer password(const std::string& name) { return {credential{name, "secret", "", "the test"}, ""}; }

TEST_CASE("what the source said of a repository is known, also that it knows nothing") {
  known_credentials known;
  CHECK_FALSE(known.find("team/app"));
  CHECK(known.identity("team/app") == "anonymously");
  CHECK(known.user_of("team/app") == 0);
  known.learn("team/app", password("alice"));
  known.learn("team/open", {std::nullopt, "the helper is not installed"});
  REQUIRE(known.find("team/app"));
  CHECK(known.find("team/app")->value().username == "alice");
  CHECK(known.identity("team/app") == "as alice (credentials: the test)");
  CHECK(known.user_of("team/app") == number_of(password("alice").value));
  CHECK(known.user_of("team/app") != number_of(password("bob").value));
  REQUIRE(known.find("team/open"));
  CHECK_FALSE(*known.find("team/open"));
  CHECK(known.absence("team/open") == "the helper is not installed");
  CHECK(known.user_of("team/open") == 0);
}

TEST_CASE("of so many repositories as clients name, those are known that were asked for last") {
  known_credentials known(100);
  for (int i = 0; i < 1000; ++i) {
    known.learn("team/" + std::to_string(i), password("alice"));
    CHECK(known.find("team/0"));
  }
  CHECK(known.size() <= 100);
  CHECK(known.size() >= 50);
  CHECK(known.find("team/999"));
  CHECK_FALSE(known.find("team/1"));
}

TEST_CASE("a credential is refused when two repositories have refused it and none has taken it") {
  known_credentials known;
  for (const char* repository : {"a", "b", "c"}) known.learn(repository, password("alice"));
  known.note_refused("a", false);
  CHECK(known.is_refused("a", false));
  CHECK_FALSE(known.is_refused("c", false));
  known.note_refused("b", true);
  CHECK_FALSE(known.is_refused("c", true));
  known.note_refused("b", false);
  CHECK(known.is_refused("c", false));
  known.note_accepted("c");
  CHECK_FALSE(known.is_refused("a", false));
}

TEST_CASE("of so many credentials as a source makes, the last ones that were refused are known") {
  known_credentials known(10);
  for (int i = 0; i < 100; ++i) {
    known.learn("a", password(std::to_string(i)));
    known.note_refused("a", false);
    CHECK(known.is_refused("a", false));
  }
  known.learn("a", password("0"));
  CHECK_FALSE(known.is_refused("a", false));
}

}  // namespace
}  // namespace gantry::registry
