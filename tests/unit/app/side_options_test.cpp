#include "side_options.hpp"

#include "option_parser.hpp"
#include "support/catch.hpp"

#include <set>
#include <string>
#include <utility>
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

TEST_CASE("one user serves both ends of one registry, and of several only what tells them apart") {
  using names = std::set<std::string>;
  CHECK(check_common_account(names{"a.test"}, names{"a.test"}).has_value());
  CHECK(check_common_account(names{"a.test"}, names{}).has_value());
  const auto both = check_common_account(names{"a.test"}, names{"b.test"});
  REQUIRE_FALSE(both.has_value());
  CHECK(both.error().hint.find("--src-creds and --dest-creds") != std::string::npos);
  for (const auto& [sources, targets] :
       {std::pair(names{"a.test", "b.test"}, names{}), std::pair(names{"a.test"}, names{"b.test", "c.test"})}) {
    const auto several = check_common_account(sources, targets);
    REQUIRE_FALSE(several.has_value());
    CHECK(several.error().hint.find("'gantry login'") != std::string::npos);
    CHECK(several.error().hint.find("creds") == std::string::npos);
    CHECK((several.error().message + several.error().hint).find("pull") == std::string::npos);
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

TEST_CASE("an end that runs a program hears when nobody waits for it any more") {
  class asked : public credential_source {
   public:
    std::optional<credential> find(const std::string&, const std::string&, diagnostics&) override { return std::nullopt; }
    std::optional<credential> find_until(const std::string&, const std::string&, diagnostics&, const std::stop_token& stop) override {
      heard = stop.stop_requested();
      return std::nullopt;
    }
    bool heard = false;
  };
  const auto end = std::make_shared<asked>();
  const auto other = std::make_shared<asked>();
  side_credentials sides({{"a.test", "x", end}}, other);
  std::stop_source stop;
  stop.request_stop();
  diagnostics problem;
  sides.find_until("a.test", "x", problem, stop.get_token());
  sides.find_until("mirror.test", "x", problem, stop.get_token());
  CHECK(end->heard);
  CHECK(other->heard);
}

TEST_CASE("what is at neither end, such as a mirror, is answered for by the common places and not by an end") {
  diagnostics problem;
  side_credentials both({{"a.test", "x", user("a.test", "source")}, {"b.test", "x", user("b.test", "target")}},
                        user("mirror.test", "stored"));
  CHECK(both.find("mirror.test", "x", problem)->username == "stored");
  CHECK(both.find("a.test", "x", problem)->username == "source");
  // An end that knows nobody is not helped out: its own file was named in place of the common ones.
  side_credentials one({{"a.test", "x", user("other.test", "source")}}, user("a.test", "stored"));
  CHECK_FALSE(one.find("a.test", "x", problem));
}

TEST_CASE("an error that asks for an account names the option of the end that it speaks of") {
  error_code ec;
  const auto name = [&](const char* text) { return reference::parse(text, ec); };
  const reference source = name("a.test/team/app:1");
  const std::vector<reference> targets{name("b.test/app:1"), name("a.test/copied/app:1")};
  const std::string rest = " does not exist or needs access; log in with 'gantry login X', or give --username and --password-stdin";
  CHECK(account_options("b.test/app" + rest, source, targets) == "--dest-creds USER:PASSWORD");
  CHECK(account_options("a.test/team/app" + rest, source, targets) == "--src-creds USER:PASSWORD");
  // Both ends are in one registry: the repository tells.
  CHECK(account_options("a.test/copied/app" + rest, source, targets) == "--dest-creds USER:PASSWORD");
  CHECK(account_options("a.test" + rest, source, targets) == "--src-creds or --dest-creds USER:PASSWORD");
  const std::string told = with_account("b.test/app" + rest, "--dest-creds USER:PASSWORD");
  CHECK(told.ends_with("or give --dest-creds USER:PASSWORD"));
  CHECK(told.find("--username") == std::string::npos);
  CHECK(with_account("something else", "--dest-creds") == "something else");
}
