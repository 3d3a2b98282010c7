#include "utf8.hpp"

#include "character_width.hpp"
#include "support/catch.hpp"

using namespace gantry::app;

TEST_CASE("characters are as wide as terminals draw them") {
  CHECK(character_width(U'a') == 1);
  CHECK(character_width(U'é') == 1);
  CHECK(character_width(U'━') == 1);
  CHECK(character_width(U'漢') == 2);
  CHECK(character_width(U'한') == 2);
  CHECK(character_width(U'！') == 2);
  CHECK(character_width(U'😀') == 2);
  CHECK(character_width(U'\u0301') == 0);
  CHECK(character_width(U'\u200b') == 0);
}

TEST_CASE("columns of a text count wide characters twice and marks not at all") {
  CHECK(columns("") == 0);
  CHECK(columns("abc") == 3);
  CHECK(columns("镜像/é") == 6);
  CHECK(columns("e\xcc\x81x") == 2);
  CHECK(columns("a\xff"
                "b") == 3);
}

TEST_CASE("a text is cut between characters and never wider than asked") {
  CHECK(fit("abcdef", 6) == "abcdef");
  CHECK(fit("abcdef", 5) == "abcd~");
  CHECK(fit("镜像仓库", 8) == "镜像仓库");
  CHECK(fit("镜像仓库", 7) == "镜像仓~");
  // The next character has no room, half of it would be none.
  CHECK(fit("镜像仓库", 6) == "镜像~");
  CHECK(fit("镜像", 1) == "~");
  CHECK(fit("镜像", 0).empty());
  for (std::size_t width = 0; width < 12; ++width) CHECK(columns(fit("a镜b像c\xff仓d库", width)) <= width);
}

TEST_CASE("a text is wrapped at spaces") {
  CHECK(wrap("one two three", 20, 2) == "one two three");
  CHECK(wrap("one two three", 7, 2) == "one two\n  three");
  CHECK(wrap("one incomprehensibilities two", 8, 2) == "one\n  incomprehensibilities\n  two");
  CHECK(wrap("镜像 仓库", 8, 0) == "镜像\n仓库");
  CHECK(wrap("", 8, 0).empty());
}

TEST_CASE("a word that is too long for a line is broken behind a comma") {
  CHECK(wrap(R"(is {"a":1,"b","c"})", 9, 2) == "is\n  {\"a\":1,\n  \"b\",\n  \"c\"}");
  CHECK(wrap("a,b", 8, 0) == "a,b");
  CHECK(wrap("incomprehensibilities,two", 8, 0) == "incomprehensibilities,two");
  CHECK(wrap("one,two,three", 8, 0, "") == "one,two,three");
}
