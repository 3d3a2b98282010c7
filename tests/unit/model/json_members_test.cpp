#include "model/json_members.hpp"

#include "support/catch.hpp"

#include <string_view>
#include <vector>

using gantry::model::json_members;

TEST_CASE("members come as they are written, nested values whole") {
  const std::string text =
      "\n{ \"a\" : {\"x\":[1,{\"y\":\"}\\\"]\"}]} ,\"b\":\t[ ] , \"c\":\"q\\\\\",\"d\":-1.5e3,\"e\":null\n, \"f\" : true }\n";
  const auto members = json_members(text);
  CHECK(members.size() == 6);
  CHECK(members.find("a")->second == "{\"x\":[1,{\"y\":\"}\\\"]\"}]}");
  CHECK(members.find("b")->second == "[ ]");
  CHECK(members.find("c")->second == "\"q\\\\\"");
  CHECK(members.find("d")->second == "-1.5e3");
  CHECK(members.find("e")->second == "null");
  CHECK(members.find("f")->second == "true");
}

TEST_CASE("an empty object has none, and what is no object gives none and does no harm") {
  for (const char* text : {"{}", " { } ", "", "[1]", "{\"a\"", "{\"a\":", "{\"a", "{\"a\\"}) {
    INFO(text);
    CHECK(json_members(text).size() <= 1);
  }
}

TEST_CASE("elements come as they are written, and what is no array has none") {
  const auto elements = gantry::model::json_elements(" [ {\"a\":[1,2]} ,\"x]\",\t-1 , [ ],null ] ");
  CHECK(elements == std::vector<std::string_view>{"{\"a\":[1,2]}", "\"x]\"", "-1", "[ ]", "null"});
  for (const char* text : {"[]", " [ ] ", "", "{}", "null", "["}) {
    INFO(text);
    CHECK(gantry::model::json_elements(text).empty());
  }
}

TEST_CASE("only blanks outside of strings go") {
  CHECK(gantry::model::compact_json("{ \"a b\" :\n[ 1 , \"c \\\" d\" ]\t}") == "{\"a b\":[1,\"c \\\" d\"]}");
}
