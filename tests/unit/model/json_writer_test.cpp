#include "model/json_writer.hpp"

#include "model/json.hpp"
#include "support/catch.hpp"

namespace gantry::model {

TEST_CASE("the writer sets commas, colons and brackets in the order of the calls") {
  json_writer out;
  out.begin_object().member("b", "x").member("a", std::uint64_t{18446744073709551615ULL}).member("n", -1).member("t", true);
  out.key("list").begin_array().value(1).begin_object().end_object().null().end_array();
  out.member("words", std::vector<std::string>{"p", "q"}).member("map", std::map<std::string, std::string>{{"k", "v"}});
  out.key("raw").raw("[0]").end_object();
  CHECK(out.string() ==
        R"({"b":"x","a":18446744073709551615,"n":-1,"t":true,"list":[1,{},null],"words":["p","q"],"map":{"k":"v"},"raw":[0]})");
}

TEST_CASE("every string that is written reads back, invalid UTF-8 as U+FFFD") {
  std::string hard("\"\\/\b\f\n\r\t\x01\x7f", 10);
  hard += std::string(1, '\0') + "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3";
  json_writer out;
  out.value(hard);
  std::string read;
  REQUIRE(json::read(out.string(), json::string(read), "it"));
  CHECK(read == hard);
  for (const std::string& bad :
       {std::string("\xff"), std::string("\xc3"), std::string("\xc0\x80"), std::string("\xed\xa0\x80"), std::string("\xf5\x80\x80\x80")}) {
    json_writer invalid;
    invalid.value(bad);
    REQUIRE(json::read(invalid.string(), json::string(read), "it"));
    CHECK(read.starts_with("\xEF\xBF\xBD"));
  }
}

}  // namespace gantry::model
