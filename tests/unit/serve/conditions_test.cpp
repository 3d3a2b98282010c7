#include "serve/conditions.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>
#include <variant>

using namespace gantry::serve;
using gantry::http::byte_range;

namespace {

/// `first-last`, `whole` or `416`.
std::string chosen(const std::string& field, std::uint64_t size) {
  const auto choice = choose_range(field, size);
  if (std::holds_alternative<whole_body>(choice)) return "whole";
  if (std::holds_alternative<unsatisfiable>(choice)) return "416";
  const auto range = std::get<byte_range>(choice);
  return std::to_string(range.first) + "-" + std::to_string(range.last);
}

}  // namespace

TEST_CASE("vectors: server_range_requests", "[vectors]") {
  gantry::test::for_each_row("server_range_requests", [](const gantry::test::vector_row& row) {
    const auto size = static_cast<std::uint64_t>(row.input.at("blob_size").as_int64());
    const auto choice = choose_range(row.in("range"), size);
    const auto status = row.expected.at("status").as_int64();
    if (status == 416) {
      CHECK(std::holds_alternative<unsatisfiable>(choice));
      return;
    }
    CHECK(status == 206);
    const auto* range = std::get_if<byte_range>(&choice);
    CHECK(range != nullptr);
    if (range == nullptr) return;
    CHECK("bytes " + std::to_string(range->first) + "-" + std::to_string(range->last) + "/" + std::to_string(size) ==
          row.out("content_range"));
    CHECK(range->size() == static_cast<std::uint64_t>(row.expected.at("content_length").as_int64()));
  });
}

TEST_CASE("ranges at the edges of a body") {
  CHECK(chosen("bytes=0-0", 1) == "0-0");
  CHECK(chosen("bytes=0-", 1) == "0-0");
  CHECK(chosen("bytes=1-", 1) == "416");
  CHECK(chosen("bytes=-1", 1) == "0-0");
  CHECK(chosen("bytes=-5", 3) == "0-2");
  CHECK(chosen("bytes=-0", 3) == "416");
  CHECK(chosen("bytes=0-", 0) == "416");
  CHECK(chosen("bytes=-1", 0) == "416");
  CHECK(chosen("Bytes= 1-2 ", 5) == "1-2");
  CHECK(chosen("bytes=0-99999999999999999999999", 5) == "0-4");
  CHECK(chosen("bytes=99999999999999999999999-", 5) == "416");
}

TEST_CASE("what is no single range of bytes is answered with the whole, once") {
  for (const char* field : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "items=0-1", "bytes=0-1,3-4", "bytes=0-0,0-0,0-0,0-0",
                            "bytes=+1-2", "bytes=1 - 2", "bytes=0x1-2", "bytes=1-2-3", "bytes=--1"}) {
    CAPTURE(field);
    CHECK(chosen(field, 10) == "whole");
  }
}

TEST_CASE("If-None-Match is compared weakly and as a list") {
  CHECK(matches_etag("\"a\"", "\"a\""));
  CHECK(matches_etag("W/\"a\"", "\"a\""));
  CHECK(matches_etag("\"b\", \"a\"", "\"a\""));
  CHECK(matches_etag("*", "\"a\""));
  CHECK_FALSE(matches_etag("a", "\"a\""));
  CHECK_FALSE(matches_etag("", "\"a\""));
  CHECK_FALSE(matches_etag("\"b\"", "\"a\""));
}
