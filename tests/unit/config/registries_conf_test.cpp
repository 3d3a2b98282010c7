#include "config/registries_conf.hpp"

#include "support/catch.hpp"

#include <string>

using namespace gantry;
using namespace gantry::config;

namespace {

registries_conf parse(const std::string& text) { return registries_conf::parse(text, "registries.conf").value(); }

std::string prefix_for(const registries_conf& conf, const std::string& repository) {
  const auto* found = conf.find(repository);
  return found == nullptr ? "none" : found->prefix;
}

}  // namespace

TEST_CASE("registries, their mirrors and what concerns them are read") {
  const auto conf = parse(R"(
unqualified-search-registries = ["docker.io"]
short-name-mode = "enforcing"
[[registry]]
prefix = "docker.io/library"
location = "mirror.test/hub/"
insecure = true
mirror-by-digest-only = true
[[registry.mirror]]
location = "one.test:5000"
insecure = true
[[registry.mirror]]
location = "two.test/path"
pull-from-mirror = "tag-only"
[[registry]]
location = "bad.test"
blocked = true
[aliases]
"x" = "docker.io/library/x"
)");
  REQUIRE(conf.registries.size() == 2);
  const auto& first = conf.registries[0];
  CHECK(first.prefix == "docker.io/library");
  CHECK(first.location == "mirror.test/hub");
  CHECK(first.insecure);
  REQUIRE(first.mirrors.size() == 2);
  CHECK(first.mirrors[0].location == "one.test:5000");
  CHECK(first.mirrors[0].insecure);
  CHECK(first.mirrors[0].use == mirror_use::by_digest);
  CHECK(first.mirrors[1].use == mirror_use::by_tag);
  CHECK(conf.registries[1].prefix == "bad.test");
  CHECK(conf.registries[1].blocked);
}

TEST_CASE("the longest prefix that ends with a component decides") {
  const auto conf = parse(R"(
[[registry]]
prefix = "a.test"
location = "x.test"
[[registry]]
prefix = "a.test/team"
location = "y.test"
[[registry]]
prefix = "*.wild.test"
[[registry]]
prefix = "a.test:5000"
location = "z.test"
)");
  CHECK(prefix_for(conf, "a.test/app") == "a.test");
  CHECK(prefix_for(conf, "a.test/team/app") == "a.test/team");
  CHECK(prefix_for(conf, "a.test/teamwork") == "a.test");
  CHECK(prefix_for(conf, "a.testing/app") == "none");
  CHECK(prefix_for(conf, "a.test:5000/app") == "a.test:5000");
  CHECK(prefix_for(conf, "b.wild.test/app") == "*.wild.test");
  CHECK(prefix_for(conf, "c.b.wild.test:5000/app") == "*.wild.test");
  CHECK(prefix_for(conf, "wild.test/app") == "none");
  CHECK(prefix_for(conf, "other/b.wild.test") == "none");
}

TEST_CASE("a location takes the place of what the prefix covers") {
  CHECK(rewrite("docker.io/library/nginx", "docker.io", "mirror.test/hub") == "mirror.test/hub/library/nginx");
  CHECK(rewrite("docker.io/library/nginx", "docker.io/library", "mirror.test") == "mirror.test/nginx");
  CHECK(rewrite("b.wild.test/app", "*.wild.test", "mirror.test") == "mirror.test/app");
  CHECK(rewrite("b.wild.test/app", "*.wild.test", "") == "b.wild.test/app");
}

TEST_CASE("a drop-in replaces what it names and adds the rest") {
  auto conf = parse("[[registry]]\nlocation = \"a.test\"\n[[registry]]\nlocation = \"b.test\"\n");
  conf.merge(parse("[[registry]]\nlocation = \"b.test\"\nblocked = true\n[[registry]]\nlocation = \"c.test\"\n"));
  REQUIRE(conf.registries.size() == 3);
  CHECK_FALSE(conf.find("a.test/x")->blocked);
  CHECK(conf.find("b.test/x")->blocked);
}

TEST_CASE("what cannot be understood is an error with the file's name and a way out") {
  for (const char* text :
       {"[[registry", "registry = 1", "[registry]\nlocation = \"a\"", "[[registry]]\nblocked = true", "[[registry]]\nlocation = 1",
        "[[registry]]\nlocation = \"https://a.test\"", "[[registry]]\nlocation = \"a\"\nmirror = 1",
        "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\ninsecure = true",
        "[[registry]]\nlocation = \"a\"\n[[registry.mirror]]\nlocation = \"b\"\npull-from-mirror = \"never\"",
        "[[registry]]\nlocation = \"a\"\nblocked = \"yes\"", "[*a]", "[[//a]]", "[a]=]", "[[a\xd1\x96]]", "[[\xe3\x80\x81]]",
        "\xe2\x80\xa8 = 1"}) {
    INFO(text);
    const auto refused = registries_conf::parse(text, "/etc/containers/registries.conf");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_option);
    CHECK(refused.error().text.message().find("/etc/containers/registries.conf") != std::string::npos);
    CHECK(refused.error().text.message().find("--no-host-config") != std::string::npos);
  }
}

TEST_CASE("user information in a location is refused and not repeated") {
  for (const char* text :
       {"[[registry]]\nprefix = \"q.test\"\nlocation = \"user:geheim@localhost:1/hub\"\n",
        "[[registry]]\nprefix = \"q.test\"\nlocation = \"http://user:geheim@localhost:1/hub\"\n",
        "[[registry]]\nprefix = \"user:geheim@q.test\"\nlocation = \"localhost:1\"\n", "[[registry]]\nlocation = \"geheim@q.test\"\n",
        "[[registry]]\nprefix = \"q.test\"\n[[registry.mirror]]\nlocation = \"user:geheim@localhost:1\"\n"}) {
    INFO(text);
    const auto refused = registries_conf::parse(text, "/c/registries.conf");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == errc::invalid_option);
    const std::string said = refused.error().text.message();
    CHECK(said.find("geheim") == std::string::npos);
    CHECK(said.find("user:") == std::string::npos);
    CHECK(said.find("/c/registries.conf") != std::string::npos);
    CHECK(said.find("line ") != std::string::npos);
    CHECK(said.find("'gantry login'") != std::string::npos);
  }
  const auto of_one_image = registries_conf::parse("[[registry]]\nprefix = \"q.test/x@sha256:0123\"\nblocked = true\n", "c");
  CHECK(of_one_image.has_value());
}
