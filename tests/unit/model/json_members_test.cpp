#include "model/json_members.hpp"

#include "support/catch.hpp"

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
