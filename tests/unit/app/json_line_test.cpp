#include "json_line.hpp"

#include "support/catch.hpp"

using namespace gantry::app;

TEST_CASE("strings are quoted so that any parser and any terminal can take them") {
  CHECK(json_quote("a\"b\\c") == "\"a\\\"b\\\\c\"");
  CHECK(json_quote("a\nb\x1b[31m\x7f") == "\"a\\nb\\u001b[31m\\u007f\"");
  CHECK(json_quote("gr\u00fc\u00df") == "\"gr\u00fc\u00df\"");
  CHECK(json_quote("\xff\xc3") == "\"\\ufffd\\ufffd\"");
  CHECK(json_quote("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");
}

TEST_CASE("members keep their order") {
  CHECK(json_object().string() == "{}");
  CHECK(json_object().add("b", "x").add("a", std::uint64_t{1}).add("c", true).add_raw("d", "[]").string() ==
        "{\"b\":\"x\",\"a\":1,\"c\":true,\"d\":[]}");
  CHECK(json_array({"1", "{}"}) == "[1,{}]");
}
