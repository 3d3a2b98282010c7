#include "http/retry_after.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using namespace gantry::http;
using std::chrono::seconds;
using std::chrono::system_clock;

namespace {

const system_clock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 8 / 1);

response_head answer(unsigned status, std::string value) {
  response_head head;
  head.status = status;
  head.headers = {{"Retry-After", std::move(value)}};
  return head;
}

}  // namespace

TEST_CASE("vectors: retry_after", "[vectors]") {
  gantry::test::for_each_row("retry_after", [](const gantry::test::vector_row& row) {
    const std::string given = row.in("now");
    const auto clock = given.empty() ? now : parse_http_date(given, now).value();
    const std::string status = row.in("status");
    const auto wait =
        retry_after_of(answer(status == "any" ? 429U : static_cast<unsigned>(std::stoul(status)), row.in("retry_after")), clock);
    if (row.out_true("ignored") || row.out_true("use_fallback")) {
      CHECK_FALSE(wait.has_value());
    } else {
      CHECK(std::to_string(wait.value_or(seconds(0)).count()) == row.out("seconds"));
    }
  });
}

TEST_CASE("Retry-After is read as seconds or as any form of an HTTP date") {
  CHECK(parse_retry_after("120", now) == seconds(120));
  CHECK(parse_retry_after(" 5 ", now) == seconds(5));
  CHECK(parse_retry_after("Sat, 01 Aug 2026 00:00:10 GMT", now) == seconds(10));
  CHECK(parse_retry_after("Saturday, 01-Aug-26 00:01:00 GMT", now) == seconds(60));
  CHECK(parse_retry_after("Sat Aug  1 00:00:10 2026", now) == seconds(10));
  CHECK(parse_retry_after("Sat, 01 Aug 2026 00:00:10 GMT", now + std::chrono::milliseconds(500)) == seconds(10));
}

TEST_CASE("a Retry-After that asks for no wait or cannot be read counts as none") {
  for (const char* value :
       {"", "0", "-1", "1.5", "1s", "soon", "Fri, 31 Jul 2026 23:59:59 GMT", "Sat, 01 Aug 2026 00:00:10", "Sat, 01 Foo 2026 00:00:10 GMT",
        "Sat, 32 Aug 2026 00:00:10 GMT", "Sat, 01 Aug 2026 24:00:10 GMT", "Sat, 01 Aug 9999 00:00:10 GMT", "Sat,", "Sat "}) {
    CAPTURE(value);
    CHECK_FALSE(parse_retry_after(value, now).has_value());
  }
}

TEST_CASE("a very long Retry-After is cut to a year") {
  CHECK(parse_retry_after("99999999999999999999999", now) == seconds(365L * 24 * 3600));
  CHECK(parse_retry_after("Wed, 31 Dec 2138 02:26:59 GMT", now) == seconds(365L * 24 * 3600));
}

TEST_CASE("Retry-After counts with 429 and 503 alone") {
  CHECK(retry_after_of(answer(429, "3"), now) == seconds(3));
  CHECK(retry_after_of(answer(503, "3"), now) == seconds(3));
  CHECK_FALSE(retry_after_of(answer(500, "3"), now).has_value());
  CHECK_FALSE(retry_after_of(answer(301, "3"), now).has_value());
  CHECK_FALSE(retry_after_of(response_head(), now).has_value());
}

TEST_CASE("two-digit years lie within fifty years of now") {
  CHECK(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now) == parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", now));
  CHECK(parse_http_date("Sunday, 06-Nov-30 08:49:37 GMT", now) == parse_http_date("Wed, 06 Nov 2030 08:49:37 GMT", now));
}
