#include "archive/file_sink.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <fcntl.h>

using namespace gantry;
using namespace gantry::archive;

namespace {

runtime::file open_new(const std::filesystem::path& path) {
  result<runtime::file> file = runtime::file::open(path, runtime::open_mode::create_new);
  REQUIRE(file.has_value());
  return std::move(*file);
}

}  // namespace

TEST_CASE("bytes and blobs follow each other, whether or not the kernel copies") {
  const gantry::test::temp_dir dir;
  const std::string content = fixture::noise(700'000, 1);
  for (const bool in_files : {false, true}) {
    CAPTURE(in_files);
    fixture::memory_blobs blobs;
    if (in_files) blobs.keep_in_files(dir / "blobs");
    const auto reader = blobs.open(blobs.put(content, ""));
    const std::filesystem::path path = dir / (in_files ? "kernel" : "memory");
    const runtime::file file = open_new(path);
    file_sink sink(file);
    std::uint64_t seen = 0;
    const byte_observer observe = [&](std::span<const std::byte> bytes) { seen += bytes.size(); };
    REQUIRE(sink.write(std::as_bytes(std::span("head", 4))).has_value());
    REQUIRE(sink.copy(**reader, 0, content.size(), content_kind::compressed, observe).has_value());
    REQUIRE(sink.copy(**reader, 500'000, 100, content_kind::plain, observe).has_value());
    REQUIRE(sink.write(std::as_bytes(std::span("tail", 4))).has_value());
    REQUIRE(sink.finish().has_value());
    CHECK(sink.position() == content.size() + 108);
    CHECK(gantry::test::slurp(path) == "head" + content + content.substr(500'000, 100) + "tail");
    // Two files in one directory: where the kernel can copy at all it has, and shows nothing.
    if (!in_files) CHECK(seen == content.size() + 100);
  }
}

TEST_CASE("a sink may start in the middle of a file") {
  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "f", "0123456789");
  const result<runtime::file> file = runtime::file::open(dir / "f", runtime::open_mode::update);
  REQUIRE(file.has_value());
  file_sink sink(*file, 4);
  REQUIRE(sink.write(std::as_bytes(std::span("xy", 2))).has_value());
  CHECK(gantry::test::slurp(dir / "f") == "0123xy6789");
}

TEST_CASE("a descriptor that the kernel cannot copy to is written instead") {
  const gantry::test::temp_dir dir;
  fixture::memory_blobs blobs;
  blobs.keep_in_files(dir / "blobs");
  const std::string content = fixture::noise(300'000, 4);
  const auto reader = blobs.open(blobs.put(content, ""));
  // copy_file_range refuses append-only targets with EBADF; pwrite appends.
  const runtime::file file(::open((dir / "append").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), dir / "append");
  file_sink sink(file);
  REQUIRE(sink.copy(**reader, 0, content.size(), content_kind::compressed, {}).has_value());
  CHECK(gantry::test::slurp(dir / "append") == content);
}

TEST_CASE("a blob whose file is shorter than it says fails") {
  const gantry::test::temp_dir dir;
  for (const bool in_files : {false, true}) {
    fixture::memory_blobs blobs;
    if (in_files) blobs.keep_in_files(dir / "blobs");
    const descriptor blob = blobs.put(fixture::noise(300'000, 4), "");
    blobs.shorten(blob.digest, 1234);
    const auto reader = blobs.open(blob);
    const runtime::file file = open_new(dir / (in_files ? "a" : "b"));
    file_sink sink(file);
    const result<void> copied = sink.copy(**reader, 0, blob.size, content_kind::compressed, {});
    REQUIRE(copied.has_error());
    CHECK(copied.error().code == errc::size_mismatch);
    CHECK(copied.error().text.message().find("ended after 1234") != std::string::npos);
  }
}
