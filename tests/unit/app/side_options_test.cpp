#include "side_options.hpp"

#include "option_parser.hpp"
#include "support/catch.hpp"

#include <string>
#include <vector>

using namespace gantry;
using namespace gantry::app;

namespace {

struct parsed {
  explicit parsed(std::vector<std::string> words) {
    option_parser parser("gantry copy", "SOURCE TARGET", "");
    add_side_options(parser, source, target);
    const auto done = parser.parse(std::move(words));
    if (!done) refused = done.error();
  }
  side_options source;
  side_options target;
  problem refused;
};

std::shared_ptr<credential_source> user(const std::string& registry, const std::string& name) {
  return std::make_shared<bound_credential>(registry, credential{name, "x", "", "test"});
}

}  // namespace

TEST_CASE("each end takes a user, whose password may hold colons, and a file") {
  const parsed p({"--src-creds", "jane:a:b", "--dest-creds=joe:c", "--src-authfile", "s.json", "--dest-authfile", "d.json"});
  CHECK(p.refused.message.empty());
  CHECK(p.source.username == "jane");
  CHECK(p.source.password == "a:b");
  CHECK(p.source.authfile == "s.json");
  CHECK(p.target.username == "joe");
  CHECK(p.target.password == "c");
  CHECK(p.target.authfile == "d.json");
}

TEST_CASE("what is no user and password is refused and not repeated") {
  for (const char* text : {"hunter2", ":hunter2", "hunter2:"}) {
    const parsed p({"--dest-creds", text});
    CHECK(p.refused.message.find("--dest-creds") != std::string::npos);
    CHECK(p.refused.message.find("hunter2") == std::string::npos);
  }
}

TEST_CASE("each end answers for its registry, and within one registry for its repository") {
  diagnostics problem;
  side_credentials two({{"a.test", "x", user("a.test", "source")}, {"b.test", "x", user("b.test", "target")}});
  CHECK(two.find("a.test", "x", problem)->username == "source");
  CHECK(two.find("b.test", "x", problem)->username == "target");
  CHECK_FALSE(two.find("c.test", "x", problem));

  side_credentials one({{"a.test", "x", user("a.test", "source")}, {"a.test", "y", user("a.test", "target")}});
  CHECK(one.find("a.test", "x", problem)->username == "source");
  CHECK(one.find("a.test", "y", problem)->username == "target");
  CHECK(one.find("a.test", "", problem)->username == "source");
}
