#include "transfer/upload_check.hpp"

#include "support/result.hpp"

#include <cstddef>
#include <span>
#include <string>

namespace gantry::transfer {
namespace {

using test::must;
using test::must_fail;

const std::string content = "some bytes that are a blob";

descriptor blob() {
  descriptor made;
  made.digest = model::digest_of(content);
  made.size = content.size();
  return made;
}

std::span<const std::byte> part(const std::string& text, std::size_t from, std::size_t count) {
  return std::as_bytes(std::span(text.data(), text.size())).subspan(from, count);
}

}  // namespace

TEST_CASE("a blob that is what it is called may pass, in pieces and again") {
  upload_check check(blob(), "wrong", "mend it");
  check.begin(0);
  must(check.pass(0, part(content, 0, 10)));
  // The request broke off, and the next one begins before its end.
  check.begin(4);
  must(check.pass(4, part(content, 4, 3)));
  CHECK(check.hashed() == 10);
  must(check.pass(7, part(content, 7, content.size() - 7)));
  CHECK(check.hashed() == content.size());
  check.begin(20);
  must(check.pass(20, part(content, 20, content.size() - 20)));
  check.begin(0);
  CHECK(check.hashed() == 0);
  must(check.pass(0, part(content, 0, content.size())));
  CHECK_FALSE(check.broken());
}

TEST_CASE("the last bytes of a wrong blob may not pass") {
  std::string wrong = content;
  wrong[3] = '?';
  upload_check check(blob(), "the stored blob is damaged", "mend it");
  must(check.pass(0, part(wrong, 0, 10)));
  const failure why = must_fail(check.pass(10, part(wrong, 10, wrong.size() - 10)), errc::digest_mismatch);
  CHECK(why.text.message() ==
        "the stored blob is damaged: it hashes to " + model::digest_of(wrong).string() + ", and its upload was not completed; mend it");
  REQUIRE(check.broken());
  // Nor when somebody asks again.
  check.begin(0);
  must_fail(check.pass(0, part(content, 0, content.size())), errc::digest_mismatch);
}

TEST_CASE("a blob that was sent anew from its front is hashed anew") {
  std::string wrong = content;
  wrong[3] = '?';
  upload_check check(blob(), "wrong", "mend it");
  check.begin(0);
  must(check.pass(0, part(content, 0, 10)));
  check.begin(0);
  must_fail(check.pass(0, part(wrong, 0, wrong.size())), errc::digest_mismatch);
}

}  // namespace gantry::transfer
