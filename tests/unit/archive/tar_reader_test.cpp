#include "archive/tar_reader.hpp"

#include "archive/tar.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"
#include "support/tar_builder.hpp"
#include "text_input.hpp"

#include <string>
#include <vector>

namespace gantry::archive {
namespace {

using test::must;
using test::must_fail;
using test::pax_record;
using test::tar_builder;

result<std::vector<tar_member>> members_of(const std::string& tar) {
  test::text_input bytes(tar);
  tar_reader reader(bytes);
  std::vector<tar_member> members;
  for (;;) {
    const auto member = reader.next();
    if (!member) return member.error();
    if (!*member) return members;
    members.push_back(**member);
  }
}

}  // namespace

TEST_CASE("members are found with their places") {
  const std::string tar = tar_builder()
                              .directory("blobs/")
                              .add("./blobs/a", std::string(600, 'a'))
                              .add("b", "", '\0')
                              .symlink("c/layer.tar", "../blobs/a")
                              .add("d", "", '1', "blobs/a")
                              .add("pipe", "", '6')
                              .add("old/", "", '0')
                              .finish();
  const auto members = must(members_of(tar));
  REQUIRE(members.size() == 7);
  CHECK(members[0].kind == member_kind::directory);
  CHECK(members[1].name == "blobs/a");
  CHECK(members[1].size == 600);
  CHECK(tar.substr(members[1].position, 600) == std::string(600, 'a'));
  CHECK(members[2].kind == member_kind::file);
  CHECK(members[3].kind == member_kind::symbolic_link);
  CHECK(members[3].target == "../blobs/a");
  CHECK(members[4].kind == member_kind::hard_link);
  CHECK(members[5].kind == member_kind::other);
  CHECK(members[6].kind == member_kind::directory);
}

TEST_CASE("contents are read in parts and passed over") {
  const std::string tar = tar_builder().add("a", std::string(700, 'a')).add("b", "bbb").finish();
  test::text_input bytes(tar);
  tar_reader reader(bytes);
  REQUIRE(must(reader.next()));
  std::string part(600, '\0');
  CHECK(must(reader.read(std::as_writable_bytes(std::span(part)))) == 600);
  REQUIRE(must(reader.next())->name == "b");
  CHECK(must(reader.read(std::as_writable_bytes(std::span(part)))) == 3);
  CHECK(part.substr(0, 3) == "bbb");
  CHECK(must(reader.read(std::as_writable_bytes(std::span(part)))) == 0);
}

TEST_CASE("what our own writer writes is read") {
  const std::string name = "blobs/" + std::string(200, 'x') + "/y";
  std::string tar = tar_header(name, 3, tar_type::file) + "abc" + std::string(tar_padding(3), '\0');
  tar += tar_header("dir/", 0, tar_type::directory) + std::string(tar_end_size, '\0');
  const auto members = must(members_of(tar));
  REQUIRE(members.size() == 2);
  CHECK(members[0].name == name);
  CHECK(members[1].kind == member_kind::directory);
}

TEST_CASE("long names, long links and large sizes come from extended headers") {
  const std::string longer = "a/" + std::string(300, 'n');
  const auto members = must(members_of(tar_builder()
                                           .add(longer, "x")
                                           .add_pax(pax_record("path", "p/" + longer) + pax_record("mtime", "1.5"))
                                           .add("short", "yy")
                                           .add_pax(pax_record("linkpath", longer))
                                           .symlink("link", "cut")
                                           .add_pax(pax_record("comment", "of all"), 'g')
                                           .add("last", "zzz")
                                           .finish()));
  REQUIRE(members.size() == 4);
  CHECK(members[0].name == longer);
  CHECK(members[1].name == "p/" + longer);
  CHECK(members[1].size == 2);
  CHECK(members[2].target == longer);
  CHECK(members[3].name == "last");
}

TEST_CASE("what tools write into extended headers beside names is passed over") {
  const std::string binary("\1\0\0\2\n=", 6);
  const std::string many = pax_record("mtime", "1700000000.5") + pax_record("atime", "1.25") + pax_record("uid", "4000000") +
                           pax_record("uname", "someone") + pax_record("hdrcharset", "BINARY") +
                           pax_record("SCHILY.xattr.security.capability", binary) + pax_record("SCHILY.dev", "64768") +
                           pax_record("LIBARCHIVE.xattr.user.a", "YWJj") + pax_record("LIBARCHIVE.creationtime", "1.0") +
                           pax_record("RHT.security.selinux", "system_u:object_r:etc_t:s0" + std::string(1, '\0'));
  const std::string large = pax_record("SCHILY.xattr.user.large", std::string(64 << 10, 'v'));
  const auto members = must(members_of(tar_builder()
                                           .add_pax(pax_record("comment", "0123456789abcdef"), 'g')
                                           .add_pax(many + pax_record("path", "first") + large)
                                           .add("cut", "x")
                                           .add_pax(many)
                                           .add_pax(pax_record("path", "second"))
                                           .add("cut", "yy")
                                           .add_pax(many + pax_record("path", "third") + pax_record("linkpath", "first"))
                                           .symlink("cut", "cut")
                                           .finish()));
  REQUIRE(members.size() == 3);
  CHECK(members[0].name == "first");
  CHECK(members[1].name == "second");
  CHECK(members[1].size == 2);
  CHECK(members[2].name == "third");
  CHECK(members[2].target == "first");
}

TEST_CASE("the extended headers of one member are limited together") {
  const std::string half = pax_record("SCHILY.xattr.user.large", std::string(600 << 10, 'v'));
  const std::string comment = pax_record("comment", std::string(600 << 10, 'v'));
  CHECK(must(members_of(tar_builder().add_pax(half).add("a", "").add_pax(half).add("b", "").finish())).size() == 2);
  const failure why = must_fail(members_of(tar_builder().add_pax(half).add_pax(half).add("a", "").finish()), errc::limit_exceeded);
  CHECK(why.text.message().find("more than 1048576 are not accepted") != std::string::npos);
  must_fail(members_of(tar_builder().add_pax(comment, 'g').add_pax(comment, 'g').add("a", "").finish()), errc::limit_exceeded);
  const std::string padded = "a" + std::string(600 << 10, '\0');
  must_fail(members_of(tar_builder().add_pax(padded, 'L').add_pax(padded, 'K').add("a", "").finish()), errc::limit_exceeded);
}

TEST_CASE("names and link targets are limited where they are read, of what is no link too") {
  const std::string long_name(tar_name_limit, 'n');
  const std::string longer = long_name + "n";
  for (const char type : {'0', '1', '2', '5'}) {
    CAPTURE(type);
    CHECK(must(members_of(tar_builder().add_pax(long_name, 'K').add("a", "", type).finish())).size() == 1);
    must_fail(members_of(tar_builder().add_pax(longer, 'K').add("a", "", type).finish()), errc::limit_exceeded);
    must_fail(members_of(tar_builder().add_pax(longer, 'L').add("a", "", type).finish()), errc::limit_exceeded);
    must_fail(members_of(tar_builder().add_pax(pax_record("linkpath", longer)).add("a", "", type).finish()), errc::limit_exceeded);
    must_fail(members_of(tar_builder().add_pax(pax_record("path", longer)).add("a", "", type).finish()), errc::limit_exceeded);
  }
}

TEST_CASE("a target is kept of links alone") {
  const std::string target(3000, 't');
  const auto members = must(members_of(tar_builder()
                                           .add_pax(target, 'K')
                                           .add("file", "x", '0', "target")
                                           .add_pax(pax_record("linkpath", target))
                                           .directory("directory/")
                                           .add_pax(target, 'K')
                                           .symlink("link", "cut")
                                           .add("hard", "", '1', "file")
                                           .finish()));
  REQUIRE(members.size() == 4);
  CHECK(members[0].target.empty());
  CHECK(members[1].target.empty());
  CHECK(members[2].target == target);
  CHECK(members[3].target == "file");
}

TEST_CASE("an archive that was cut is not complete, wherever it was cut") {
  const std::string whole = tar_builder().add("a", std::string(700, 'a')).add("b", "bbb").finish();
  for (std::size_t length = 0; length <= whole.size(); length += 64) {
    CAPTURE(length);
    const auto read = members_of(whole.substr(0, length));
    // One block of zeros is enough of an end.
    if (length >= whole.size() - 512) {
      CHECK(read.has_value());
    } else {
      must_fail(read, errc::malformed_document);
    }
  }
}

TEST_CASE("what is wrong with an archive is placed by the member before it") {
  const std::string whole = tar_builder().add("first", std::string(700, 'a')).add("second", std::string(700, 'b')).finish();
  const auto message = [](const std::string& bytes) { return must_fail(members_of(bytes), errc::malformed_document).text.message(); };
  CHECK(message(whole.substr(0, 3 * 512 + 512 + 100)).find("the last member that is found is second") != std::string::npos);
  std::string damaged = whole;
  damaged[3 * 512] = static_cast<char>(damaged[3 * 512] ^ 1);  // in the second header
  const std::string said = message(damaged);
  CHECK(said.find("wrong checksum") != std::string::npos);
  CHECK(said.find("the last member that is found is first") != std::string::npos);
}

TEST_CASE("what another reader could take for something else is refused") {
  must_fail(members_of(tar_builder().add_pax(pax_record("size", "-1")).add("a", "").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("path", "x"), 'g').add("a", "").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("GNU.sparse.major", "1"), 'g').add("a", "").finish()), errc::malformed_document);
  // Two names for one entry: the first, the last, or that of the one kind of header or the other.
  must_fail(members_of(tar_builder().add_pax(pax_record("path", "x") + pax_record("path", "y")).add("a", "").finish()),
            errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("path", "x")).add_pax(pax_record("path", "y")).add("a", "").finish()),
            errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("path", "x")).add_pax("y", 'L').add("a", "").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax("x", 'K').add_pax("y", 'K').symlink("a", "z").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("size", "1")).add_pax(pax_record("size", "2")).add("a", "x").finish()),
            errc::malformed_document);
  must_fail(members_of(tar_builder().add_pax(pax_record("GNU.sparse.major", "1")).add("a", "").finish()), errc::unsupported_document);
  must_fail(members_of(tar_builder().add("a", "", 'S').finish()), errc::unsupported_document);
  must_fail(members_of(tar_builder().add("a", "", 'M').finish()), errc::unsupported_document);
  must_fail(members_of(tar_builder().add("a", "", 'Q').finish()), errc::unsupported_document);
  must_fail(members_of(tar_builder().add_header("x", std::uint64_t{16} << 20, 'x').finish()), errc::limit_exceeded);
  must_fail(members_of(tar_builder().add("../a", "").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add("", "x").finish()), errc::malformed_document);
  must_fail(members_of(tar_builder().add_header("a", std::uint64_t{1} << 32).finish()), errc::malformed_document);
}

TEST_CASE("the number of entries is limited") {
  tar_builder tar;
  for (std::size_t i = 0; i <= tar_member_limit; ++i) tar.add_header("./", 0, '5');
  must_fail(members_of(tar.finish()), errc::limit_exceeded);
}

TEST_CASE("the name of a volume is no member") {
  CHECK(must(members_of(tar_builder().add("my volume", "", 'V').add("a", "").finish())).size() == 1);
}

}  // namespace gantry::archive
