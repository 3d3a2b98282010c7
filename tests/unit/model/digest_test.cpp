#include <gantry/digest.hpp>

#include "model/digester.hpp"
#include "support/catch.hpp"
#include "support/vectors.hpp"

namespace gantry {
namespace {

digest parse(const std::string& text) {
  error_code ec;
  digest value = digest::parse(text, ec);
  CHECK(static_cast<bool>(ec) == value.empty());
  if (ec) CHECK(ec == errc::invalid_digest);
  return value;
}

}  // namespace

TEST_CASE("vectors: digest_parse", "[vectors]") {
  test::for_each_row("digest_parse", [](const test::vector_row& row) {
    const std::string name = row.in("algorithm_name");
    const std::string text = row.input.is_string() ? std::string(row.input.as_string()) : name + ":" + std::string(64, 'a');
    const digest value = parse(text);
    CHECK(static_cast<bool>(value) == row.out_true("ok"));
    if (!value) return;
    CHECK(value.string() == text);
    if (!row.out("algorithm").empty()) CHECK(value.algorithm_name() == row.out("algorithm"));
    if (!row.out("encoded").empty()) CHECK(value.encoded() == row.out("encoded"));
  });
}

TEST_CASE("a digest has exactly the lower-case hex digits of its algorithm") {
  CHECK(parse("sha256:" + std::string(64, 'a')));
  CHECK(parse("sha512:" + std::string(128, '0')).algorithm() == digest_algorithm::sha512);
  for (const std::string& bad : {"sha256:" + std::string(63, 'a'), "sha256:" + std::string(65, 'a'), "sha256:" + std::string(64, 'A'),
                                 "sha512:" + std::string(64, 'a'), "sha256:" + std::string(63, 'a') + "/", "SHA256:" + std::string(64, 'a'),
                                 "md5:" + std::string(32, 'a'), std::string(64, 'a'), std::string("sha256"), std::string()}) {
    INFO(bad);
    CHECK_FALSE(parse(bad));
  }
}

TEST_CASE("the digester hashes pieces like the whole") {
  CHECK(model::digest_of("").string() == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  model::digester hash(digest_algorithm::sha512);
  hash.update("ab");
  hash.update("c");
  CHECK(hash.finish() == model::digest_of("abc", digest_algorithm::sha512));
}

}  // namespace gantry
