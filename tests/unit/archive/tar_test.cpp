#include "archive/tar.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <filesystem>
#include <string>

using namespace gantry::archive;

namespace {

const char* const list_members = R"(
import sys, tarfile
with tarfile.open(sys.argv[1], 'r:') as t:
    for m in t: print(m.name, m.size, oct(m.mode), m.mtime, m.uid, m.gid, 'd' if m.isdir() else 'f')
)";

std::string listed(const std::string& tar) {
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.tar", tar);
  return fixture::python(list_members, {(dir / "x.tar").string()});
}

}  // namespace

TEST_CASE("a short name is a plain ustar header of one block") {
  const std::string header = tar_header("blobs/sha256/abc", 5, tar_type::file);
  REQUIRE(header.size() == tar_block);
  CHECK(listed(header + "hello" + std::string(tar_padding(5) + tar_end_size, '\0')) == "blobs/sha256/abc 5 0o644 0 0 0 f");
}

TEST_CASE("a directory has mode 0755 and no content") {
  CHECK(listed(tar_header("blobs/", 0, tar_type::directory) + std::string(tar_end_size, '\0')) == "blobs 0 0o755 0 0 0 d");
}

TEST_CASE("a name of more than 100 bytes is cut at a slash") {
  const std::string name = std::string(60, 'a') + "/" + std::string(80, 'b');
  const std::string header = tar_header(name, 0, tar_type::file);
  REQUIRE(header.size() == tar_block);
  CHECK(listed(header + std::string(tar_end_size, '\0')) == name + " 0 0o644 0 0 0 f");
}

TEST_CASE("names at the borders of what ustar holds are read back") {
  for (const std::size_t size : {99U, 100U, 101U, 141U, 155U, 156U, 255U, 256U, 257U, 1000U}) {
    for (const std::size_t slash : {std::size_t{5}, size / 2, size - 2}) {
      std::string name(size, 'n');
      name[slash] = '/';
      CAPTURE(size, slash);
      CHECK(listed(tar_header(name, 0, tar_type::file) + std::string(tar_end_size, '\0')) == name + " 0 0o644 0 0 0 f");
    }
  }
}

TEST_CASE("a sha512 blob gets a pax header for its name") {
  const std::string name = "blobs/sha512/" + std::string(128, 'f');
  const std::string header = tar_header(name, 1, tar_type::file);
  REQUIRE(header.size() == 3 * tar_block);
  CHECK(listed(header + "x" + std::string(tar_padding(1) + tar_end_size, '\0')) == name + " 1 0o644 0 0 0 f");
}

TEST_CASE("a pax record counts its own digits") {
  // 99 bytes without the length would need three digits, 98 two: both sides of the step.
  for (std::size_t size = 101; size < 120; ++size) {
    const std::string name(size, 'p');
    CHECK(listed(tar_header(name, 0, tar_type::file) + std::string(tar_end_size, '\0')) == name + " 0 0o644 0 0 0 f");
  }
}

TEST_CASE("sizes up to 8 GiB are octal, larger ones stand in a pax header") {
  const gantry::test::temp_dir dir;
  const std::uint64_t limit = std::uint64_t{8} << 30;
  for (const std::uint64_t size : {limit - 1, limit, limit + 1}) {
    CAPTURE(size);
    const std::string header = tar_header("big", size, tar_type::file);
    CHECK(header.size() == (size < limit ? 1 : 3) * tar_block);
    const std::filesystem::path path = dir / "big.tar";
    gantry::test::spill(path, header);
    // Sparse: no byte of content is on the disk.
    std::filesystem::resize_file(path, header.size() + size + tar_padding(size) + tar_end_size);
    CHECK(fixture::python(list_members, {path.string()}) == "big " + std::to_string(size) + " 0o644 0 0 0 f");
    CHECK(fixture::tar_accepts(path));
  }
}
