#include "archive/gzip_sink.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

#include <zlib.h>

#include <array>
#include <cstring>
#include <string>

using namespace gantry;
using namespace gantry::archive;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Adds \p text as a blob of \p kind, in copies of \p step bytes.
void add_blob(gzip_sink& gzip, const std::string& text, content_kind kind, std::uint64_t step = UINT64_MAX) {
  fixture::memory_blobs blobs;
  const descriptor blob = blobs.put(text, "application/octet-stream");
  const auto reader = blobs.open(blob);
  for (std::uint64_t offset = 0; offset < text.size(); offset += std::min<std::uint64_t>(step, text.size() - offset)) {
    REQUIRE(gzip.copy(**reader, offset, std::min<std::uint64_t>(step, text.size() - offset), kind, {}).has_value());
  }
}

/// Inflates one member with zlib, which checks CRC and length; requires that nothing follows it.
std::string inflated(const std::string& gzip) {
  z_stream stream{};
  REQUIRE(::inflateInit2(&stream, 16 + MAX_WBITS) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string out;
  std::string part(1 << 16, '\0');
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(part.data());
    stream.avail_out = static_cast<uInt>(part.size());
    status = ::inflate(&stream, Z_NO_FLUSH);
    out.append(part.data(), part.size() - stream.avail_out);
  }
  CHECK(status == Z_STREAM_END);
  CHECK(stream.avail_in == 0);
  ::inflateEnd(&stream);
  return out;
}

}  // namespace

TEST_CASE("nothing at all is a valid gzip file") {
  fixture::memory_sink out;
  gzip_sink gzip(out);
  REQUIRE(gzip.finish().has_value());
  CHECK(out.finished);
  CHECK(inflated(out.bytes).empty());
}

TEST_CASE("compressed blobs are stored, other bytes deflated") {
  const std::string random = fixture::noise(1 << 20, 1);
  const std::string text = fixture::prose(1 << 20);
  fixture::memory_sink out;
  gzip_sink gzip(out);
  add_blob(gzip, random, content_kind::compressed);
  const std::size_t after_random = out.bytes.size();
  REQUIRE(gzip.write(bytes_of(text)).has_value());
  add_blob(gzip, text, content_kind::plain);
  REQUIRE(gzip.finish().has_value());
  CHECK(after_random <= random.size() + 100);
  CHECK(out.bytes.size() < random.size() + random.size() / 2);
  CHECK(out.bytes.find(random.substr(1000, 2000)) != std::string::npos);
  CHECK(inflated(out.bytes) == random + text + text);
}

TEST_CASE("many changes between stored and deflated parts of all sizes read back, and gzip, python and zlib agree") {
  fixture::memory_sink out;
  gzip_sink gzip(out);
  std::string expected;
  // The same text on both sides of a stored part would be referred to if the flush let it.
  const std::string repeated = fixture::prose(3000);
  unsigned seed = 7;
  for (const std::size_t size : {0U, 1U, 2U, 511U, 512U, 65534U, 65535U, 65536U, 131070U, 131071U, 262140U, 262144U, 300000U}) {
    const std::string random = fixture::noise(size, seed++);
    add_blob(gzip, random, content_kind::compressed, 100'000);
    REQUIRE(gzip.write(bytes_of(repeated)).has_value());
    REQUIRE(gzip.write({}).has_value());
    add_blob(gzip, random, content_kind::plain);
    add_blob(gzip, random, content_kind::compressed);
    add_blob(gzip, repeated, content_kind::compressed);
    expected += random + repeated + random + random + repeated;
  }
  REQUIRE(gzip.finish().has_value());
  CHECK(inflated(out.bytes) == expected);

  const gantry::test::temp_dir dir;
  gantry::test::spill(dir / "x.gz", out.bytes);
  CHECK(gantry::test::run({.argv = {"gzip", "-t", (dir / "x.gz").string()}}).ok());
  gantry::test::spill(dir / "x", expected);
  CHECK(fixture::python("import gzip,sys; print(gzip.open(sys.argv[1]).read() == open(sys.argv[2],'rb').read())",
                        {(dir / "x.gz").string(), (dir / "x").string()}) == "True");
}

TEST_CASE("the header carries neither time nor name, and equal input gives equal output") {
  const auto make = [] {
    fixture::memory_sink out;
    gzip_sink gzip(out);
    add_blob(gzip, fixture::noise(100'000, 3), content_kind::compressed);
    REQUIRE(gzip.write(bytes_of(fixture::prose(100'000))).has_value());
    REQUIRE(gzip.finish().has_value());
    return out.bytes;
  };
  const std::string first = make();
  CHECK(first == make());
  CHECK(first.substr(0, 10) == std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST_CASE("every byte that is stored is shown to the observer") {
  fixture::memory_blobs blobs;
  const std::string random = fixture::noise(200'000, 5);
  const auto reader = blobs.open(blobs.put(random, ""));
  fixture::memory_sink out;
  gzip_sink gzip(out);
  std::string seen;
  const byte_observer observe = [&](std::span<const std::byte> part) {
    seen.append(reinterpret_cast<const char*>(part.data()), part.size());
  };
  REQUIRE(gzip.copy(**reader, 0, random.size(), content_kind::compressed, observe).has_value());
  CHECK(seen == random);
}

TEST_CASE("a blob that ends early and a sink that is full are failures") {
  fixture::memory_blobs blobs;
  const descriptor blob = blobs.put(fixture::noise(200'000, 5), "");
  blobs.shorten(blob.digest, 150'000);
  const auto reader = blobs.open(blob);
  fixture::memory_sink out;
  gzip_sink gzip(out);
  const result<void> copied = gzip.copy(**reader, 0, blob.size, content_kind::compressed, {});
  REQUIRE(copied.has_error());
  CHECK(copied.error().code == errc::size_mismatch);

  fixture::memory_sink full(1000);
  gzip_sink second(full);
  result<void> written = second.write(bytes_of(fixture::noise(1 << 20, 9)));
  if (written) written = second.finish();
  REQUIRE(written.has_error());
  CHECK(written.error().code == errc::no_space);
}

TEST_CASE("the length field wraps above 4 GiB", "[.slow]") {
  // A sink that only counts; zlib's own reader is the judge of the trailer.
  class tail final : public byte_sink {
   public:
    result<void> write(std::span<const std::byte> bytes) override {
      last.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      if (last.size() > 8) last.erase(0, last.size() - 8);
      return {};
    }
    result<void> finish() override { return {}; }
    std::string last;
  } out;
  gzip_sink gzip(out);
  const std::string zeros(std::size_t{64} << 20, '\0');
  for (int i = 0; i < 65; ++i) REQUIRE(gzip.write(bytes_of(zeros)).has_value());
  REQUIRE(gzip.finish().has_value());
  std::uint32_t size = 0;
  std::memcpy(&size, out.last.data() + 4, sizeof size);
  CHECK(size == static_cast<std::uint32_t>(zeros.size() * 65));
}
