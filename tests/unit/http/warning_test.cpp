#include "http/warning.hpp"

#include "base/base64.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

TEST_CASE("vectors: warning_header", "[vectors]") {
  gantry::test::for_each_row("warning_header", [](const gantry::test::vector_row& row) {
    const auto text = gantry::http::parse_warning(gantry::base64_decode(row.in("base64")).value());
    CHECK(text.has_value() == !row.out_true("ignored"));
    if (text) CHECK(gantry::base64_encode(*text) == row.out("base64"));
  });
}

TEST_CASE("an escape at the end of a warning leaves it open") {
  CHECK_FALSE(gantry::http::parse_warning("299 - \"a\\").has_value());
  CHECK_FALSE(gantry::http::parse_warning("299 - \"a\\\"").has_value());
  CHECK(gantry::http::parse_warning("299 - \"a\\\"\"") == "a\"");
}
