#include "model/version.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"

#include <compare>
#include <string>
#include <vector>

namespace gantry::model {
namespace {

version of(const std::string& text) {
  const auto value = version::parse(text);
  INFO(text);
  REQUIRE(value);
  return *value;
}

bool admitted(const std::string& constraint, const std::string& text) {
  return test::must(version_constraint::parse(constraint)).admits(of(text));
}

TEST_CASE("versions order as semver.org says") {
  const std::vector<std::string> ascending = {
      "0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
      "1.0.0", "1.0.1",       "1.2.0",         "1.10.0",           "2.0.0"};
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      INFO(ascending[i] << " and " << ascending[j]);
      CHECK(std::is_lt(compare(of(ascending[i]), of(ascending[j]))) == (i < j));
      CHECK(std::is_eq(compare(of(ascending[i]), of(ascending[j]))) == (i == j));
    }
  }
}

TEST_CASE("tags of images are versions with fewer numbers and a v in front") {
  CHECK(std::is_eq(compare(of("v1.25"), of("1.25.0"))));
  CHECK(of("v1").numbers == 1);
  CHECK(of("1.2.3+build.05").build == "build.05");
  CHECK(std::is_eq(compare(of("1.2.3+a"), of("1.2.3+b"))));
  CHECK(of("1.25-alpine").prerelease == "alpine");
}

TEST_CASE("what is no version is none") {
  for (const std::string text : {"", "latest", "v", "1.", "1..2", "01.2.3", "1.2.3.4", "1.2.3-", "1.2.3-01", "1.2.3-a..b", "1.2.3+",
                                 "1.2.3_4", "99999999999999999999", "1.2.3-a_b"}) {
    INFO(text);
    CHECK_FALSE(version::parse(text));
  }
}

TEST_CASE("comparators admit what they say") {
  struct row {
    std::string constraint;
    std::vector<std::string> in;
    std::vector<std::string> out;
  };
  const std::vector<row> rows = {
      {"", {"0.0.1", "1.2.3"}, {"1.0.0-rc.1"}},
      {"*", {"1.2.3"}, {"1.0.0-rc.1"}},
      {"1.2.3", {"1.2.3", "v1.2.3"}, {"1.2.4"}},
      {"=1.2", {"1.2.0", "1.2.9"}, {"1.3.0"}},
      {"1.x", {"1.0.0", "1.99.0"}, {"2.0.0", "0.9.0"}},
      {"1.2.*", {"1.2.7"}, {"1.3.0"}},
      {">=1.2 <2", {"1.2.0", "1.99.1"}, {"1.1.9", "2.0.0"}},
      {">= 1.2, < 2", {"1.2.0"}, {"2.0.0"}},
      {">1.2", {"1.3.0"}, {"1.2.9"}},
      {"<=1.2", {"1.2.9", "0.1.0"}, {"1.3.0"}},
      {">1.2.3", {"1.2.4"}, {"1.2.3"}},
      {"<=1.2.3", {"1.2.3"}, {"1.2.4"}},
      {"!=1.2.3", {"1.2.4"}, {"1.2.3"}},
      {"~1.25.3", {"1.25.3", "1.25.9"}, {"1.26.0", "1.25.2"}},
      {"~1", {"1.9.0"}, {"2.0.0"}},
      {"^1.4", {"1.4.0", "1.9.0"}, {"1.3.9", "2.0.0"}},
      {"^0.2.3", {"0.2.3", "0.2.9"}, {"0.3.0"}},
      {"^0.0.3", {"0.0.3"}, {"0.0.4"}},
      {"1.x || ^3.1", {"1.5.0", "3.2.0"}, {"2.0.0", "3.0.9"}},
      {">=1.2.3-rc.1", {"1.2.3-rc.2", "1.2.3", "2.0.0"}, {"1.2.4-rc.1", "1.2.3-beta"}},
      {">=18446744073709551615", {"18446744073709551615.0.0"}, {"1.0.0"}},
  };
  for (const row& one : rows) {
    for (const std::string& text : one.in) {
      INFO(one.constraint << " admits " << text);
      CHECK(admitted(one.constraint, text));
    }
    for (const std::string& text : one.out) {
      INFO(one.constraint << " does not admit " << text);
      CHECK_FALSE(admitted(one.constraint, text));
    }
  }
}

TEST_CASE("a comparison that cannot be read is refused") {
  for (const std::string text : {">=", "latest", "1.2.3.4", "=>1", "^", "~x", ">1.x", "1.2.3.x", "<<1"}) {
    INFO(text);
    const auto parsed = version_constraint::parse(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code == errc::invalid_option);
  }
}

TEST_CASE("names order as people order them") {
  const std::vector<std::string> ascending = {"1.9", "1.10", "1.10-alpine", "a2", "a10", "b"};
  for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
    INFO(ascending[i]);
    CHECK(std::is_lt(natural_compare(ascending[i], ascending[i + 1])));
    CHECK(std::is_gt(natural_compare(ascending[i + 1], ascending[i])));
  }
  CHECK(std::is_neq(natural_compare("1.01", "1.1")));
  CHECK(std::is_eq(natural_compare("x", "x")));
}

}  // namespace
}  // namespace gantry::model
