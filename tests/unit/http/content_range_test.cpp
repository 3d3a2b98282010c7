#include "http/content_range.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>
#include <vector>

using namespace gantry::http;

namespace {

response_head partial(std::string range) {
  response_head head;
  head.status = 206;
  head.headers = {{"Content-Range", std::move(range)}};
  head.framing = body_framing::chunked;
  return head;
}

response_head whole(std::uint64_t length) {
  response_head head;
  head.status = 200;
  head.framing = body_framing::length;
  head.content_length = length;
  return head;
}

gantry::error_code refusal(byte_range asked, std::uint64_t size, const response_head& head) {
  const auto answer = check_range_answer(asked, size, head);
  return answer ? gantry::error_code() : answer.error().code;
}

}  // namespace

TEST_CASE("vectors: content_range", "[vectors]") {
  gantry::test::for_each_row("content_range", [](const gantry::test::vector_row& row) {
    std::vector<std::string_view> values;
    for (const auto& value : row.input.as_array()) values.emplace_back(value.as_string().data(), value.as_string().size());
    const auto* offset = row.members.if_contains("requested_offset");
    if (offset == nullptr) {
      const auto parsed = parse_content_range(values);
      CHECK(parsed.has_value() == !row.out_true("error"));
      if (!parsed) return;
      CHECK(std::to_string(parsed->range.first) == row.out("first"));
      CHECK(std::to_string(parsed->range.last) == row.out("last"));
      CHECK((parsed->total ? std::to_string(*parsed->total) : "-1") == row.out("length"));
      return;
    }
    const auto first = offset->to_number<std::uint64_t>();
    response_head head;
    head.status = row.members.contains("status") ? row.members.at("status").to_number<unsigned>() : 206;
    for (const auto value : values) head.headers.push_back({"Content-Range", std::string(value)});
    const auto answer = check_range_answer({first, 9}, 10, head);
    if (head.status == 206) {
      CHECK(answer.has_value() == row.out_true("accept"));
      return;
    }
    // A 200 is reported as what it is; whether to read it and drop what is held, or to give up on this origin, is the caller's choice.
    CHECK(answer.has_value());
    if (!answer) return;
    CHECK(answer->body == range_body::ignored);
    if (const std::string discard = row.out("discard_bytes"); !discard.empty())
      CHECK(std::to_string(first - answer->range.first) == discard);
  });
}

TEST_CASE("a range is asked for in closed form") { CHECK(byte_range{0, 4'194'303}.header_value() == "bytes=0-4194303"); }

TEST_CASE("a part may end sooner than asked but must start where asked") {
  const auto full = check_range_answer({100, 199}, 1000, partial("bytes 100-199/1000")).value();
  CHECK(full.body == range_body::part);
  CHECK(full.range == byte_range{100, 199});
  CHECK(check_range_answer({100, 199}, 1000, partial("bytes 100-149/1000")).value().range == byte_range{100, 149});
  CHECK(check_range_answer({100, 199}, 1000, partial("bytes 100-199/*")).value().range == byte_range{100, 199});
  CHECK(check_range_answer({100, 199}, 1000, partial("Bytes 100-199/1000")).value().range == byte_range{100, 199});
  for (const char* range :
       {"bytes 0-99/1000", "bytes 101-199/1000", "bytes 100-200/1000", "bytes 100-199/999", "bytes 100-199/1001", "bytes 100-199/100",
        "bytes 199-100/1000", "bytes */1000", "bytes 100-199", "items 100-199/1000", "bytes 100-199/1000, bytes 300-399/1000",
        "bytes 100-18446744073709551616/*", "bytes +100-199/1000", "bytes  100-199/1000"}) {
    CAPTURE(range);
    CHECK(refusal({100, 199}, 1000, partial(range)) == gantry::errc::range_refused);
  }
}

TEST_CASE("a part that contradicts its own length is refused") {
  response_head head = partial("bytes 100-199/1000");
  head.framing = body_framing::length;
  head.content_length = 99;
  CHECK(refusal({100, 199}, 1000, head) == gantry::errc::range_refused);
  head.content_length = 100;
  CHECK_FALSE(refusal({100, 199}, 1000, head));
}

TEST_CASE("several parts in one answer are refused") {
  response_head head = partial("bytes 100-199/1000");
  head.headers.push_back({"Content-Type", "Multipart/ByteRanges; boundary=x"});
  CHECK(refusal({100, 199}, 1000, head) == gantry::errc::range_refused);
}

TEST_CASE("a 200 is the whole blob from offset 0 and an ignored range elsewhere") {
  CHECK(check_range_answer({0, 99}, 1000, whole(1000)).value().body == range_body::whole);
  CHECK(check_range_answer({0, 99}, 1000, whole(1000)).value().range == byte_range{0, 999});
  CHECK(check_range_answer({100, 199}, 1000, whole(1000)).value().body == range_body::ignored);
  CHECK(refusal({0, 99}, 1000, whole(999)) == gantry::errc::size_mismatch);
}

TEST_CASE("a 416 to a range inside the blob tells a server without parts from one that holds another blob") {
  response_head head;
  head.status = 416;
  CHECK(unsatisfied_range({0, 99}, 1000, head).code == gantry::errc::range_refused);
  for (const char* silent : {"bytes */1000", "bytes */*", "bytes */", "bytes */-1", "bytes */10x", "bytes 0-99/7", "items */7"}) {
    CAPTURE(silent);
    head.headers = {{"Content-Range", silent}};
    CHECK(unsatisfied_range({0, 99}, 1000, head).code == gantry::errc::range_refused);
  }
  head.headers = {{"Content-Range", "bytes */7"}};
  const gantry::failure other = unsatisfied_range({0, 99}, 1000, head);
  CHECK(other.code == gantry::errc::size_mismatch);
  CHECK(other.text.message().find("7 bytes instead of 1000") != std::string::npos);
  CHECK(unsatisfied_range({0, 99}, 0, head).code == gantry::errc::range_refused);
}

TEST_CASE("any other status refuses the range") {
  for (const unsigned status : {204U, 302U, 416U, 500U}) {
    response_head head;
    head.status = status;
    CHECK(refusal({0, 99}, 1000, head) == gantry::errc::range_refused);
  }
}
