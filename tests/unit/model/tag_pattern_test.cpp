#include "model/tag_pattern.hpp"

#include "support/catch.hpp"

#include <regex>
#include <string>

namespace gantry::model {

TEST_CASE("patterns of tags agree with the expressions of the standard library") {
  const char* const expressions[] = {
      "",       "a",       "a|b",          "ab*",       "(ab)+c?",  "[a-c]+",      "[^a-c]",      "v?\\d+\\.\\d+",   "\\d{2}",
      "a{1,3}", "a{0,2}b", "a{2,}",        "(?:a|b)*c", "^1\\..*$", ".*-alpine",   "[\\w.-]+",    "1(\\.2(\\.3)?)?", "a*?b",
      "(a|)b",  "[a-]+",   "[.]",          "(^a|b)c",   "a$|b",     "(1|2){2,3}x", "[A-Z]\\W\\D", "(a*)*b",          "(a+)+b",
      "\\-",    "x\\/y",   "(a|ab)(c|bcd)"};
  const char* const texts[] = {"",      "a",   "b",    "ab",   "abb", "abc",  "ababc",    "abab",  "c",   "d",  "v1.2", "12",
                               "1.2.3", "1.2", "aaa",  "aaaa", "aac", "1.25", "1-alpine", "a.b-c", "a-a", ".",  "ac",   "bc",
                               "121x",  "A-b", "aaab", "-",    "x/y", "abcd", "latest",   "a_b",   "11",  "22x"};
  for (const char* const expression : expressions) {
    const auto pattern = tag_pattern::compile(expression);
    INFO(expression);
    REQUIRE(pattern);
    const std::regex other(expression, std::regex::ECMAScript);
    for (const char* const text : texts) {
      INFO(text);
      CHECK(pattern->matches(text) == std::regex_match(text, other));
    }
  }
}

TEST_CASE("what a pattern of tags does not know is left to others") {
  for (const char* const expression : {"(?!a)b", "(?=a)b", "(a)\\1", "\\bfoo", "[[:alpha:]]", "a{2001}", "a{0}", "(", ")", "[", "[]", "*",
                                       "a**", "a{", "\\", "[z-a]", "((a{1000}){1000}){1000}", "^*"}) {
    INFO(expression);
    CHECK_FALSE(tag_pattern::compile(expression));
  }
}

TEST_CASE("a repetition of nothing is nothing, however often it is repeated") {
  const auto pattern = tag_pattern::compile("((((((){1000}){1000}){1000}){1000}){1000}){1000}a");
  REQUIRE(pattern);
  CHECK(pattern->matches("a"));
  CHECK_FALSE(pattern->matches(""));
  CHECK_FALSE(pattern->matches("aa"));
}

TEST_CASE("no text makes a pattern of tags slow") {
  const std::string text = std::string(10'000, 'a') + "!";
  for (const char* const expression : {"(a+)+", "(a|aa)*b", "(a*)*(a*)*b", "([a-z]+)*\\d"}) {
    const auto pattern = tag_pattern::compile(expression);
    REQUIRE(pattern);
    CHECK_FALSE(pattern->matches(text));
  }
}

}  // namespace gantry::model
