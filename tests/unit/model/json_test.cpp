#include "model/json.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace gantry::model {
namespace {

errc code_of(const result<void>& done) { return done ? errc{} : static_cast<errc>(done.error().code.value()); }

/// Reads \p text with an object of nothing in particular expected.
errc skip(std::string_view text) { return code_of(json::read(text, json::shape(), "the test")); }

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("vectors: json_strict", "[vectors]") {
  test::for_each_row("json_strict", [](const test::vector_row& row) {
    std::string a;
    std::uint64_t b = 0;
    const json::shape top = json::object({{"a", json::string(a)}, {"b", json::integer(b)}}, json::unknown_keys::refuse);
    const auto done = json::read(std::string(row.input.as_string()), top, "the test");
    CHECK(done.has_value() == row.out_true("ok"));
    if (!done) CHECK(done.error().code == errc::malformed_document);
  });
}

TEST_CASE("values are read into what the shapes point to") {
  std::string name;
  std::uint64_t count = 0;
  bool flag = false;
  std::vector<std::string> words;
  std::map<std::string, std::string> labels;
  std::vector<std::string> ports;
  struct item {
    std::uint64_t id = 0;
  };
  std::vector<item> items;
  const json::shape element = json::object({{"id", json::integer([&](std::uint64_t id) { items.back().id = id; }), json::need::required}});
  const json::shape top = json::object({{"name", json::string(name)},
                                        {"count", json::integer(count)},
                                        {"flag", json::boolean(flag)},
                                        {"words", json::strings(words)},
                                        {"labels", json::map(labels)},
                                        {"ports", json::keys([&](std::string key) { ports.push_back(std::move(key)); })},
                                        {"items", json::array(element, [&] { items.emplace_back(); })}});
  const auto done =
      json::read(R"( {"name":"a\u00e9\n","count":9223372036854775807,"flag":true,"words":["x",""],"other":{"name":[1,2.5,null]},
    "labels":{"k":"v"},"ports":{"80/tcp":{},"53/udp":null},"items":[{"id":1},{"id":2,"more":{}}]} )",
                 top, "the test");
  REQUIRE(done);
  CHECK(name == "a\xc3\xa9\n");
  CHECK(count == 9223372036854775807ULL);
  CHECK(flag);
  CHECK(words == std::vector<std::string>{"x", ""});
  CHECK(labels == std::map<std::string, std::string>{{"k", "v"}});
  CHECK(ports == std::vector<std::string>{"80/tcp", "53/udp"});
  REQUIRE(items.size() == 2);
  CHECK(items[1].id == 2);
}

TEST_CASE("null counts as absent unless the member is required") {
  std::string text = "before";
  CHECK(json::read(R"({"a":null})", json::object({{"a", json::string(text)}}), "the test"));
  CHECK(text == "before");
  CHECK(json::read(R"({"a":null})", json::object({{"a", json::string(text), json::need::present}}), "the test"));
  CHECK_FALSE(json::read(R"({})", json::object({{"a", json::string(text), json::need::present}}), "the test"));
  CHECK_FALSE(json::read(R"({"a":null})", json::object({{"a", json::string(text), json::need::required}}), "the test"));
  CHECK_FALSE(json::read(R"([null])", json::array(json::string(text)), "the test"));
  CHECK_FALSE(json::read("null", json::object({}), "the test"));
}

TEST_CASE("duplicate keys are refused at every level, also where nobody looks") {
  CHECK(skip(R"({"a":1,"a":1})") == errc::malformed_document);
  CHECK(skip(R"([{"x":{"a":1,"\u0061":2}}])") == errc::malformed_document);
  CHECK(skip(R"({"a":{"a":1},"b":{"a":1}})") == errc{});
}

TEST_CASE("numbers beyond 64 bits and infinities are refused, also where nobody looks") {
  for (const char* bad :
       {"18446744073709551616", "-9223372036854775809", "1e999", "-1e999", "[123456789012345678901234567890]", R"({"a":1e400})"}) {
    INFO(bad);
    CHECK(skip(bad) == errc::malformed_document);
  }
  for (const char* good : {"18446744073709551615", "-9223372036854775808", "1.5", "1e10", "-0"}) {
    INFO(good);
    CHECK(skip(good) == errc{});
  }
}

TEST_CASE("an integer is a number from 0 to 2^63-1 without fraction and exponent") {
  for (const char* bad : {"-1", "1.0", "1e3", "9223372036854775808", "\"1\"", "true", "[]", "{}", "null", "01", "+1", "0x1"}) {
    INFO(bad);
    std::uint64_t number = 0;
    CHECK(code_of(json::read(bad, json::integer(number), "the test")) == errc::malformed_document);
  }
}

TEST_CASE("nesting is limited to 32 levels") {
  CHECK(skip(nested(32)) == errc{});
  CHECK(skip(nested(33)) == errc::limit_exceeded);
  CHECK(skip(std::string(1'000'000, '[')) == errc::limit_exceeded);
}

TEST_CASE("size, members and elements are limited") {
  CHECK(code_of(json::read("[1,2]", json::shape(), "the test", {.size = 4})) == errc::limit_exceeded);
  std::string members = "{";
  for (int i = 0; i < 10'001; ++i) members += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
  CHECK(skip(members + "}") == errc::limit_exceeded);
  std::vector<std::string> words;
  const auto done = json::read(R"({"a":["","",""]})", json::object({{"a", json::strings(words, 2)}}), "the test");
  CHECK(code_of(done) == errc::limit_exceeded);
  CHECK(done.error().text.message().find("a[2]") != std::string::npos);
}

TEST_CASE("text that is not exactly one JSON value is refused") {
  for (const std::string& bad :
       {std::string(), std::string(" "), std::string("{"), std::string("[1,]"), std::string("{\"a\":1,}"), std::string("// x\n1"),
        std::string("1 2"), std::string("{}{}"), std::string("{}\0", 3), std::string("\"\xff\""), std::string("\"\\ud800\""),
        std::string("\xEF\xBB\xBF{}"), std::string("nul"), std::string("'a'"), std::string("\"\n\"")}) {
    INFO(bad);
    CHECK(skip(bad) == errc::malformed_document);
  }
  CHECK(skip(" \n{} \t\r\n") == errc{});
}

TEST_CASE("an error names document, place and reason, free of control characters") {
  std::uint64_t size = 0;
  const json::shape top =
      json::object({{"layers", json::array(json::object({{"size", json::integer(size)}}))}}, json::unknown_keys::refuse);
  const auto wrong = json::read(R"({"layers":[{"size":1},{"size":"2"}]})", top, "the manifest of x");
  CHECK(wrong.error().text.message() == "the manifest of x cannot be used: layers[1].size is a string, expected an integer");
  const auto strange = json::read("{\"\\u001b[31m\":1}", top, "it");
  CHECK(strange.error().text.message().find('\x1b') == std::string::npos);
}

TEST_CASE("keys that differ in letter case only are refused where readers would take them for a field") {
  std::string name;
  const auto read = [&](std::string_view text) {
    return code_of(json::read(text, json::object({{"layers", json::string(name)}}, json::unknown_keys::refuse_alike), "it"));
  };
  CHECK(read(R"({"LAYERS":"x"})") == errc::malformed_document);
  CHECK(read(R"({"layers":"x","Layers":"y"})") == errc::malformed_document);
  CHECK(read(R"({"layers":"x","other":"y","Other":"z"})") == errc{});
}

TEST_CASE("the line of what is wrong is known where it is asked for") {
  std::uint64_t size = 0;
  std::vector<std::size_t> lines;
  json::position where;
  const json::shape top =
      json::array(json::object({{"size", json::integer(size)}}, json::unknown_keys::refuse, [&] { lines.push_back(where.line); }));
  CHECK(json::read("[{},\n\n {\"size\":\n1\n}]\n\n", top, "it", {}, &where));
  CHECK(lines == std::vector<std::size_t>{1, 3});
  CHECK_FALSE(json::read("[{},\n\n {\"size\":\n\"1\"\n}]", top, "it", {}, &where));
  CHECK(where.line == 4);
  CHECK(where.place == "[1].size");
  CHECK(where.why == "is a string, expected an integer");
  CHECK_FALSE(json::read("[]\n\nx", top, "it", {}, &where));
  CHECK(where.line == 3);
  CHECK_FALSE(json::read("[{\"sise\":1}]", top, "it", {}, &where));
  CHECK(where.why == "is not expected there; did you mean 'size'?");
}

}  // namespace gantry::model
