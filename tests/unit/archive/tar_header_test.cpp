#include "archive/tar_header.hpp"

#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/tar_builder.hpp"

#include <functional>
#include <string>

namespace gantry::archive {
namespace {

using test::must;
using test::must_fail;
using test::pax_record;
using test::tar_builder;

result<std::optional<raw_tar_header>> decode(const std::string& block) {
  return decode_tar_header(std::as_bytes(std::span(block)).first<tar_block>());
}

/// A header of one file with \p change made before the checksum is written.
std::string header_with(const std::function<void(std::string&)>& change) {
  std::string block = tar_builder().add_header("name", 5).open_end();
  change(block);
  block.replace(148, 8, "        ");
  unsigned sum = 0;
  for (const char byte : block) sum += static_cast<unsigned char>(byte);
  char digits[8];
  std::snprintf(digits, sizeof digits, "%06o", sum);
  block.replace(148, 6, digits);
  block[154] = '\0';
  return block;
}

}  // namespace

TEST_CASE("a header block is decoded") {
  const auto header = must(decode(tar_builder().add_header("layer.tar", 0777, '2', "../x/layer.tar").open_end()));
  REQUIRE(header);
  CHECK(header->name == "layer.tar");
  CHECK(header->size == 0777);
  CHECK(header->type == '2');
  CHECK(header->link_name == "../x/layer.tar");
}

TEST_CASE("a block of zeros ends an archive") { CHECK_FALSE(must(decode(std::string(512, '\0')))); }

TEST_CASE("a header whose checksum is wrong is refused") {
  std::string block = tar_builder().add_header("name", 5).open_end();
  block[3] = 'x';
  must_fail(decode(block), errc::malformed_document);
  must_fail(decode("no tar at all" + std::string(499, ' ')), errc::malformed_document);
}

TEST_CASE("the prefix of ustar stands before the name, GNU's times do not") {
  CHECK(must(decode(header_with([](std::string& block) { block.replace(345, 3, "dir"); })))->name == "dir/name");
  CHECK(must(decode(header_with([](std::string& block) {
          block.replace(257, 8, std::string("ustar  \0", 8));
          block.replace(345, 11, "14000000000");
        })))->name == "name");
}

TEST_CASE("sizes are octal or base 256, never negative") {
  const auto with_size = [](std::string field) {
    field.resize(12);
    return decode(header_with([&](std::string& block) { block.replace(124, 12, field); }));
  };
  CHECK(must(with_size("77777777777"))->size == 077777777777);
  CHECK(must(with_size("  17 "))->size == 017);
  CHECK(must(with_size(""))->size == 0);
  CHECK(must(with_size(std::string("\x80\0\0\0\0\0\0\x02\0\0\0\0", 12)))->size == std::uint64_t{2} << 32);
  must_fail(with_size("-1"), errc::malformed_document);
  must_fail(with_size("19"), errc::malformed_document);
  must_fail(with_size(std::string(12, '\xff')), errc::malformed_document);
  must_fail(with_size(std::string("\x80\0\0\0\xff\0\0\0\0\0\0\0", 12)), errc::malformed_document);
}

TEST_CASE("pax records are read to the byte") {
  tar_extensions said;
  must(read_pax(pax_record("path", "a\nb = c") + pax_record("linkpath", "d") + pax_record("size", "12"), said));
  CHECK(said.name == "a\nb = c");
  CHECK(said.link_name == "d");
  CHECK(said.size == 12U);
  CHECK_FALSE(said.sparse);
  for (const std::string text : {"5 a=b\n", "7 a=b\n", "x a=b\n", "6 a=b", "0 a=b\n", "99999999999999999999 a=b\n", "6 =ab\n", "6 abc\n"}) {
    CAPTURE(text);
    tar_extensions none;
    must_fail(read_pax(text, none), errc::malformed_document);
  }
  for (const char* key : {"path", "linkpath", "size"}) {
    CAPTURE(key);
    tar_extensions none;
    must_fail(read_pax(pax_record(key, std::string("1\0b", 3)), none), errc::malformed_document);
  }
  tar_extensions none;
  must_fail(read_pax(pax_record(std::string("path\0b", 6), "1"), none), errc::malformed_document);
}

TEST_CASE("a name that extended headers give twice is refused unless it is the same") {
  tar_extensions said;
  must(read_pax(pax_record("path", "a") + pax_record("path", "a"), said));
  must(read_long_name('L', std::string("a\0\0", 3), said));
  must(read_long_name('K', std::string("b\0c", 3), said));
  must_fail(read_long_name('L', "b", said), errc::malformed_document);
  must_fail(read_pax(pax_record("path", "b"), said), errc::malformed_document);
  must_fail(read_pax(pax_record("linkpath", "c"), said), errc::malformed_document);
  must_fail(read_pax(pax_record("size", "1") + pax_record("size", "2"), said), errc::malformed_document);
}

TEST_CASE("member names have one spelling and stay inside") {
  CHECK(must(clean_member_name("./a//b/./c/")) == "a/b/c");
  CHECK(must(clean_member_name("./")).empty());
  CHECK(must(clean_member_name("..a/b..")) == "..a/b..");
  for (const char* name : {"/a", "../a", "a/../b", "a/..", ".."}) {
    CAPTURE(name);
    must_fail(clean_member_name(name), errc::malformed_document);
  }
  must_fail(clean_member_name(std::string(5000, 'a')), errc::limit_exceeded);
}

TEST_CASE("links are followed by their text and stay inside") {
  CHECK(must(link_destination("a/layer.tar", "../b/layer.tar", true)) == "b/layer.tar");
  CHECK(must(link_destination("layer.tar", "./x.tar", true)) == "x.tar");
  CHECK(must(link_destination("a/b/c", "./x/y", false)) == "x/y");
  must_fail(link_destination("a/layer.tar", "../../etc/passwd", true), errc::malformed_document);
  must_fail(link_destination("a/layer.tar", "../b", false), errc::malformed_document);
  must_fail(link_destination("a", "/etc/passwd", true), errc::malformed_document);
}

}  // namespace gantry::archive
