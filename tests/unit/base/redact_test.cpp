#include "base/redact.hpp"

#include "support/catch.hpp"
#include "support/vectors.hpp"

#include <string>

using gantry::clean_text;
using gantry::redact_url;

TEST_CASE("vectors: log_redaction", "[vectors]") {
  gantry::test::for_each_row("log_redaction", [](const gantry::test::vector_row& row) {
    const std::string shown = redact_url(std::string(row.input.as_string()));
    if (row.expected.is_string()) {
      CHECK(shown == std::string(row.expected.as_string()));
      return;
    }
    if (const std::string secret = row.out("not_contains"); !secret.empty()) CHECK(shown.find(secret) == std::string::npos);
    if (const std::string kept = row.out("contains"); !kept.empty()) CHECK(shown.find(kept) != std::string::npos);
  });
}

TEST_CASE("a URL without secrets is shown as it is") {
  CHECK(redact_url("https://registry.example/v2/library/nginx/manifests/1.25") ==
        "https://registry.example/v2/library/nginx/manifests/1.25");
}

TEST_CASE("a lone user name in a URL may be a token and is hidden") {
  CHECK(redact_url("https://ghp_secret@registry.example/v2/") == "https://xxxxx@registry.example/v2/");
}

TEST_CASE("an at sign in a path is not taken for a user name") {
  CHECK(redact_url("https://registry.example/v2/a/blobs/x@y") == "https://registry.example/v2/a/blobs/x@y");
}

TEST_CASE("fragments and queries of text that is no URL are dropped") {
  CHECK(redact_url("://registry.example/x?secret=1") == "://registry.example/x");
  CHECK(redact_url("https://registry.example/x#access_token=1") == "https://registry.example/x");
}

TEST_CASE("control characters of a server never reach the terminal") {
  CHECK(clean_text("a\x1b[31mred\x07\x7f") == "a?[31mred??");
  CHECK(clean_text(std::string("a\0b", 3)) == "a?b");
  CHECK(clean_text("a\xc2\x9b"
                   "31m") == "a?31m");
  CHECK(clean_text("user\xe2\x80\xaetxt") == "user?txt");
}

TEST_CASE("invalid UTF-8 is replaced byte by byte") {
  CHECK(clean_text("\xff\xc0\x80") == "???");
  CHECK(clean_text("\xed\xa0\x80") == "???");
  CHECK(clean_text("caf\xc3") == "caf?");
  CHECK(clean_text("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3") == "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\xb3");
}

TEST_CASE("white space is folded and trimmed") { CHECK(clean_text(" \r\n a \t\n b \r\n") == "a b"); }

TEST_CASE("text is cut at a character boundary") {
  CHECK(clean_text("abcdef", 3) == "abc");
  CHECK(clean_text("ab\xc3\xa9", 3) == "ab");
  CHECK(clean_text("ab cd", 3) == "ab");
}
