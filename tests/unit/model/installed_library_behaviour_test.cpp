// What the installed Boost.JSON accepts, and what the reader makes of it.
#include "model/json.hpp"

#include "base/redact.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <malloc.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::model {
namespace {

errc code_of(const result<void>& done) { return done ? errc{} : static_cast<errc>(done.error().code.value()); }

/// Reads \p text where nothing in particular is expected.
errc skip(std::string_view text) { return code_of(json::read(text, json::shape(), "the test")); }

/// Reads \p text as an object whose `size` is an integer.
errc read_size(std::string_view text) {
  std::uint64_t size = 0;
  return code_of(json::read(text, json::object({{"size", json::integer(size), json::need::required}}), "the test"));
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

void duplicate_keys() {
  const std::string text = R"({"a":1,"a":2})";
  CHECK(skip(text) == errc::malformed_document);
  std::uint64_t a = 0;
  CHECK(code_of(json::read(text, json::object({{"a", json::integer(a)}}), "the test")) == errc::malformed_document);
  CHECK(skip(R"({"other":[{"a":1,"\u0061":2}]})") == errc::malformed_document);
}

void keys_alike() {
  const std::string text = R"({"config":{},"Config":1})";
  CHECK(skip(text) == errc{});
  bool seen = false;
  const std::vector<json::field> fields{{"config", json::object({}, json::unknown_keys::skip, [&seen] { seen = true; })}};
  CHECK(code_of(json::read(text, json::object(fields), "the test")) == errc{});
  CHECK(seen);
  CHECK(code_of(json::read(text, json::object(fields, json::unknown_keys::refuse_alike), "the test")) == errc::malformed_document);
  CHECK(code_of(json::read(text, json::object(fields, json::unknown_keys::refuse), "the test")) == errc::malformed_document);
}

void beyond_int64() {
  CHECK(read_size(R"({"size":9223372036854775807})") == errc{});
  CHECK(read_size(R"({"size":18446744073709551615})") == errc::malformed_document);
  CHECK(skip(R"({"size":18446744073709551615})") == errc{});
}

void beyond_uint64() {
  CHECK(read_size(R"({"size":18446744073709551616})") == errc::malformed_document);
  CHECK(skip(R"({"size":18446744073709551616})") == errc::malformed_document);
}

void doubles() {
  for (const char* text : {R"({"size":1e3})", R"({"size":1.0})"}) {
    CAPTURE(text);
    CHECK(read_size(text) == errc::malformed_document);
    CHECK(skip(text) == errc{});
  }
}

void infinity() {
  for (const char* text : {R"({"a":1e999})", R"({"a":-1e999})", R"({"size":1e999})"}) {
    CAPTURE(text);
    CHECK(skip(text) == errc::malformed_document);
    CHECK(read_size(text) == errc::malformed_document);
  }
}

void depth() {
  CHECK(skip(nested(32)) == errc{});
  CHECK(skip(nested(33)) == errc::limit_exceeded);
  std::string objects;
  for (int i = 0; i < 33; ++i) objects += R"({"a":)";
  CHECK(skip(objects + "1" + std::string(33, '}')) == errc::limit_exceeded);
}

void not_json() {
  for (const std::string text : {"{} {}", "{}x", "[1,]", R"({"a":1,})", "NaN", R"({"a":NaN})", "\"a\nb\"", "\"\x1b\"", "\"\xff\"",
                                 "\"\xc0\xaf\"", R"("\ud800")", R"("\udc00\ud800")", "\xef\xbb\xbf{}"}) {
    CAPTURE(text);
    CHECK(skip(text) == errc::malformed_document);
  }
}

void terminal_escape() {
  std::string value;
  CHECK(code_of(json::read(R"("\u001b[31m")", json::string(value), "the test")) == errc{});
  // A document may hold it; what is shown of a document goes through clean_text, the place in an error included.
  CHECK(value == "\x1b[31m");
  CHECK(clean_text(value) == "?[31m");
  const auto done = json::read(R"({"\u001b[31m":1})", json::object({}, json::unknown_keys::refuse), "the test");
  CHECK(code_of(done) == errc::malformed_document);
  if (done) return;
  const std::string text(done.error().text.message());
  CHECK(text.find("?[31m") != std::string::npos);
  CHECK(std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }));
}

std::size_t bytes_in_use() {
  const struct mallinfo2 now = ::mallinfo2();
  return now.uordblks + now.hblkhd;
}

void no_document_in_memory() {
  std::string zeros = "[0";
  while (zeros.size() < 4'000'000) zeros += ",0";
  zeros += "]";
  const std::size_t before = bytes_in_use();
  std::size_t most = 0;
  std::size_t count = 0;
  const auto take = [&](std::uint64_t) {
    if (++count % 100'000 == 0) most = std::max(most, bytes_in_use());
  };
  CHECK(code_of(json::read(zeros, json::array(json::integer(take), {}, zeros.size()), "the test")) == errc{});
  CHECK(count > 1'900'000);
  // Always fulfilled where a sanitizer has replaced the allocator.
  CHECK(most < before + (std::size_t{1} << 20));
  std::uint64_t last = 0;
  CHECK(code_of(json::read(zeros, json::array(json::integer(last)), "the test")) == errc::limit_exceeded);
  CHECK(skip(zeros) == errc{});
  CHECK(skip("[" + std::string(std::size_t{8} << 20, ' ') + "]") == errc::limit_exceeded);
}

const std::map<std::string, std::function<void()>>& known() {
  static const std::map<std::string, std::function<void()>> all{
      {R"({"a":1,"a":2})", duplicate_keys},
      {R"({"config":{},"Config":1})", keys_alike},
      {R"({"size":18446744073709551615})", beyond_int64},
      {R"({"size":18446744073709551616})", beyond_uint64},
      {R"({"size":1e3} and {"size":1.0})", doubles},
      {R"({"a":1e999})", infinity},
      {"33 levels of nesting", depth},
      {"trailing data, trailing comma, NaN, raw control character, invalid UTF-8, lone surrogate, BOM", not_json},
      {R"("\u001b[31m" escape)", terminal_escape},
      {"4 MB array of zeros", no_document_in_memory},
  };
  return all;
}

}  // namespace

TEST_CASE("vectors: installed_library_behaviour", "[vectors]") {
  test::for_each_row("installed_library_behaviour", [](const test::vector_row& row) {
    // tests/unit/http and tests/unit/archive
    static const std::set<std::string> elsewhere{"beast_request", "beast_response", "beast_writer", "beast_defaults", "libarchive"};
    const std::string component = row.in("component");
    if (elsewhere.contains(component)) return;
    if (component != "boost_json") {
      FAIL_CHECK("no test knows this component: " << component << ", source " << row.source);
      return;
    }
    const auto found = known().find(row.in("case"));
    if (found == known().end()) {
      FAIL_CHECK("no test knows this case: " << row.in("case") << ", source " << row.source);
    } else {
      found->second();
    }
  });
}

}  // namespace gantry::model
