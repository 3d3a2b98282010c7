#include "archive/decoder.hpp"

#include "archive/inflating_reader.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"
#include "support/result.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <functional>
#include <string>
#include <string_view>

using namespace gantry;
using namespace gantry::archive;
using test::must;
using test::must_fail;

namespace {

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

/// One gzip member, by zlib. \param window 15 + 16 for gzip
std::string member(std::string_view text, int level = 6, gz_header* header = nullptr) {
  z_stream stream{};
  REQUIRE(::deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  if (header != nullptr) ::deflateSetHeader(&stream, header);
  std::string out(::deflateBound(&stream, text.size()) + 1024, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

std::string frame(std::string_view text, int level = 3) {
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  const std::size_t size = ::ZSTD_compress(out.data(), out.size(), text.data(), text.size(), level);
  REQUIRE(::ZSTD_isError(size) == 0);
  out.resize(size);
  return out;
}

struct outcome {
  std::string text;
  std::string error;  ///< empty: decoded to the end
  decoded_facts facts;
};

/// Feeds \p input in pieces of \p in bytes and takes pieces of \p out bytes.
outcome decode(decoder& with, std::string_view input, std::size_t in, std::size_t out) {
  outcome seen;
  std::string room(out, '\0');
  std::string_view piece;
  for (;;) {
    if (piece.empty() && !input.empty()) {
      piece = input.substr(0, in);
      input.remove_prefix(piece.size());
    }
    const auto some = with.step(bytes_of(piece), std::as_writable_bytes(std::span(room)));
    if (!some) {
      seen.error = some.error().text.message();
      break;
    }
    piece.remove_prefix(some->taken);
    seen.text.append(room, 0, some->given);
    if (some->taken > 0 || some->given > 0 || !piece.empty() || !input.empty()) continue;
    if (const auto ended = with.finish(); !ended) seen.error = ended.error().text.message();
    break;
  }
  seen.facts = with.facts();
  return seen;
}

/// Decodes with every library that is there, whole and in small pieces; all must agree. \returns what they agree on.
outcome gunzip(std::string_view input) {
  outcome agreed = decode(*make_gzip_decoder(make_zlib_inflater()), input, SIZE_MAX, 1 << 20);
  const auto compare = [&](std::unique_ptr<raw_inflater> inflater, std::size_t in, std::size_t out) {
    const outcome other = decode(*make_gzip_decoder(std::move(inflater)), input, in, out);
    CHECK(other.error == agreed.error);
    // Of what is damaged the libraries give a bit more or less.
    if (!agreed.error.empty()) return;
    CHECK(other.text == agreed.text);
    CHECK(other.facts.crc == agreed.facts.crc);
    CHECK(other.facts.parts == agreed.facts.parts);
    CHECK(other.facts.trailing == agreed.facts.trailing);
    CHECK(other.facts.raw_size == agreed.facts.raw_size);
  };
  for (const std::size_t in : {std::size_t{1}, std::size_t{7}, std::size_t{4096}}) {
    for (const std::size_t out : {std::size_t{1}, std::size_t{999}, std::size_t{1} << 20}) {
      // Byte by byte is for what is small on both sides.
      if (std::max(input.size(), agreed.text.size()) > 20'000 && (in == 1 || out == 1)) continue;
      compare(make_zlib_inflater(), in, out);
      if (auto isal = make_isal_inflater()) compare(std::move(isal), in, out);
    }
  }
  if (auto isal = make_isal_inflater()) compare(std::move(isal), SIZE_MAX, 1 << 20);
  return agreed;
}

outcome unzstd(std::string_view input) {
  outcome whole = decode(*make_zstd_decoder(), input, SIZE_MAX, 1 << 20);
  for (const std::size_t piece : {std::size_t{1}, std::size_t{1000}}) {
    if (input.size() > 100'000 && piece == 1) continue;
    const outcome other = decode(*make_zstd_decoder(), input, piece, piece + 7);
    CHECK(other.error.empty() == whole.error.empty());
    if (whole.error.empty()) CHECK(other.text == whole.text);
  }
  return whole;
}

std::uint32_t crc_of(std::string_view text) {
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
}

}  // namespace

TEST_CASE("gzip of every kind of block decodes alike with all libraries") {
  for (const std::string& text :
       {std::string(), std::string("x"), fixture::prose(70'000), fixture::noise(200'000, 7), std::string(3'000'000, '\0')}) {
    for (const int level : {0, 1, 9}) {
      const outcome seen = gunzip(member(text, level));
      CHECK(seen.error.empty());
      CHECK(seen.text == text);
      CHECK(seen.facts.raw_size == text.size());
      CHECK(seen.facts.crc == crc_of(text));
      CHECK(seen.facts.parts == 1);
      CHECK(seen.facts.trailing == 0);
    }
  }
}

TEST_CASE("members that follow each other are one gzip file") {
  const std::string first = fixture::prose(5'000);
  const std::string second = fixture::noise(300, 1);
  const outcome seen = gunzip(member(first) + member("") + member(second) + member("tail", 0));
  CHECK(seen.error.empty());
  CHECK(seen.text == first + second + "tail");
  CHECK(seen.facts.parts == 4);
  CHECK(seen.facts.crc == crc_of(first + second + "tail"));
}

TEST_CASE("all optional fields of a gzip header are passed over, its checksum is compared") {
  std::string extra = "\x1f\x8b\x08";
  std::string name = "layer.tar";
  std::string comment = "made by hand";
  gz_header header{};
  header.extra = reinterpret_cast<Bytef*>(extra.data());
  header.extra_len = static_cast<uInt>(extra.size());
  header.name = reinterpret_cast<Bytef*>(name.data());
  header.comment = reinterpret_cast<Bytef*>(comment.data());
  header.hcrc = 1;
  const std::string sound = member("content", 6, &header);
  CHECK(gunzip(sound).text == "content");
  CHECK(gunzip(sound + sound).text == "contentcontent");
  std::string broken = sound;
  broken[16] = static_cast<char>(broken[16] ^ 1);
  CHECK(gunzip(broken).error.find("gzip header") != std::string::npos);
}

TEST_CASE("bytes after the last member are counted and do not come out") {
  const std::string sound = member("content");
  for (const std::string& tail : {std::string(1, '\0'), std::string(1000, '\0'), std::string(20, '\0') + "x", std::string("\x1f"),
                                  std::string("\x1f\x1f\x8b"), std::string("garbage that is longer than eight bytes")}) {
    const outcome seen = gunzip(sound + tail);
    CHECK(seen.error.empty());
    CHECK(seen.text == "content");
    CHECK(seen.facts.trailing == tail.size());
    CHECK(seen.facts.padded == (tail.find_first_not_of('\0') == std::string::npos));
    CHECK(seen.facts.parts == 1);
  }
}

TEST_CASE("gzip that is damaged or cut off is refused") {
  const std::string text = fixture::prose(20'000);
  const std::string sound = member(text);
  for (std::size_t cut = 0; cut < sound.size(); cut += cut < 30 || cut > sound.size() - 12 ? 1 : 97) {
    CHECK_FALSE(gunzip(std::string_view(sound).substr(0, cut)).error.empty());
  }
  std::string crc = sound;
  crc[sound.size() - 8] = static_cast<char>(crc[sound.size() - 8] ^ 1);
  CHECK(gunzip(crc).error.find("CRC") != std::string::npos);
  std::string length = sound;
  length[sound.size() - 1] = static_cast<char>(length[sound.size() - 1] ^ 1);
  CHECK(gunzip(length).error.find("length") != std::string::npos);
  std::string body = sound;
  body[10] = static_cast<char>(0x07);  // a block of the type that does not exist
  CHECK(gunzip(body).error.find("deflate") != std::string::npos);
  std::string method = sound;
  method[2] = 7;
  CHECK(gunzip(method).error.find("method") != std::string::npos);
  std::string flags = sound;
  flags[3] = static_cast<char>(0x80);
  CHECK(gunzip(flags).error.find("reserved") != std::string::npos);
  CHECK(gunzip("plain text, and long enough").error == "it is not gzip");
  // A whole first member does not excuse the second.
  CHECK(gunzip(sound + sound.substr(0, sound.size() - 1)).error.find("cut off") != std::string::npos);
}

TEST_CASE("every single flipped bit of a member is noticed") {
  const std::string sound = member(fixture::prose(300));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    if (i >= 4 && i < 10) continue;  // time, extra flags and operating system mean nothing here
    for (const int bit : {0, 3, 7}) {
      std::string broken = sound;
      broken[i] = static_cast<char>(broken[i] ^ (1 << bit));
      INFO("byte " << i << ", bit " << bit);
      const outcome seen = gunzip(broken);
      // A flag may announce a field that the data then happen to contain; the content stays the same or it is refused.
      CHECK((!seen.error.empty() || seen.text == fixture::prose(300)));
    }
  }
}

TEST_CASE("zstd frames, several and skippable ones, decode to the end") {
  const std::string first = fixture::prose(300'000);
  const std::string second = fixture::noise(50'000, 3);
  const std::string skippable("\x52\x2a\x4d\x18\x05\x00\x00\x00hello", 13);
  const outcome seen = unzstd(skippable + frame(first) + skippable + frame("") + frame(second, 19) + skippable);
  CHECK(seen.error.empty());
  CHECK(seen.text == first + second);
  CHECK(seen.facts.raw_size == first.size() + second.size());
}

TEST_CASE("zstd that is damaged, cut off or followed by anything else is refused") {
  const std::string sound = frame(fixture::prose(100'000));
  for (const std::size_t cut : {std::size_t{1}, std::size_t{5}, sound.size() / 2, sound.size() - 1}) {
    CHECK_FALSE(unzstd(std::string_view(sound).substr(0, cut)).error.empty());
  }
  CHECK_FALSE(unzstd(sound + "garbage").error.empty());
  CHECK_FALSE(unzstd(sound + std::string(100, '\0')).error.empty());
}

TEST_CASE("a zstd window that would claim gigabytes is refused") {
  ZSTD_CCtx* context = ::ZSTD_createCCtx();
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, 28);
  const std::string text = fixture::prose(100'000);
  std::string out(::ZSTD_compressBound(text.size()), '\0');
  // Without a content size the frame header carries the window.
  ::ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_inBuffer in{text.data(), text.size() / 2, 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  REQUIRE(::ZSTD_isError(::ZSTD_compressStream2(context, &to, &in, ZSTD_e_flush)) == 0);
  in.size = text.size();
  REQUIRE(::ZSTD_compressStream2(context, &to, &in, ZSTD_e_end) == 0);
  ::ZSTD_freeCCtx(context);
  CHECK(unzstd(out.substr(0, to.pos)).error.find("emory") != std::string::npos);
}

TEST_CASE("what bytes are compressed with shows in how they begin") {
  CHECK(sniff(bytes_of(member("x"))) == model::compression::gzip);
  CHECK(sniff(bytes_of(frame("x"))) == model::compression::zstd);
  for (unsigned kind = 0; kind < 16; ++kind) {
    const std::string magic{static_cast<char>(0x50 + kind), '\x2a', '\x4d', '\x18'};
    CHECK(sniff(bytes_of(magic)) == model::compression::zstd);
  }
  for (const std::string_view plain : {"", "\x1f", "\x28\xb5\x2f", "etc/", "\x60\x2a\x4d\x18"}) {
    CHECK(sniff(bytes_of(plain)) == model::compression::none);
  }
}

namespace {

struct inflated {
  fixture::memory_blobs blobs;
  std::unique_ptr<model::blob_reader> open(std::string bytes) { return must(blobs.open(blobs.put(std::move(bytes), "x/y"))); }
};

result<std::string> read_all(inflating_reader& from, std::size_t piece) {
  std::string all;
  std::string room(piece, '\0');
  for (;;) {
    const result<std::size_t> got = from.read(std::as_writable_bytes(std::span(room)));
    if (!got) return got.error();
    if (*got == 0) return all;
    all.append(room, 0, *got);
  }
}

}  // namespace

TEST_CASE("a blob is read to its end whatever it is compressed with, and every compressed byte is seen once") {
  inflated scene;
  const std::string text = fixture::prose(900'000) + fixture::noise(700'000, 5);
  for (const std::string& packed : {text, member(text), frame(text), member(text) + std::string(3000, '\0')}) {
    const auto blob = scene.open(packed);
    inflating_reader reader(*blob, must(sniff(*blob)), "layer x");
    std::string seen;
    reader.observe([&](std::span<const std::byte> part) { seen.append(reinterpret_cast<const char*>(part.data()), part.size()); });
    CHECK(must(read_all(reader, 100'003)) == text);
    CHECK(seen == packed);
    CHECK(reader.facts().raw_size == text.size());
  }
}

TEST_CASE("an empty blob inflates to nothing") {
  inflated scene;
  const auto blob = scene.open("");
  inflating_reader reader(*blob, must(sniff(*blob)), "layer x");
  CHECK(must(read_all(reader, 10)).empty());
}

TEST_CASE("what inflates to more than is allowed is refused by size and by ratio") {
  inflated scene;
  const auto blob = scene.open(frame(std::string(5'000'000, '\0')));
  inflate_limits small;
  small.size = 4'999'999;
  inflating_reader by_size(*blob, model::compression::zstd, "layer x", small);
  CHECK(must_fail(read_all(by_size, 1 << 16), errc::limit_exceeded).text.message().find("layer x inflates to more than 5.0 MB") == 0);
  inflate_limits dense;
  dense.ratio = 100;
  dense.ratio_counts_from = 1'000'000;
  inflating_reader by_ratio(*blob, model::compression::zstd, "layer x", dense);
  CHECK(must_fail(read_all(by_ratio, 1 << 16), errc::limit_exceeded).text.message().find("100 times") != std::string::npos);
  // The same for gzip, whose decoder is another.
  const auto zipped = scene.open(member(std::string(5'000'000, '\0')));
  inflating_reader gzip_by_size(*zipped, model::compression::gzip, "layer y", small);
  must_fail(read_all(gzip_by_size, 1 << 16), errc::limit_exceeded);
  inflating_reader gzip_by_ratio(*zipped, model::compression::gzip, "layer y", dense);
  must_fail(read_all(gzip_by_ratio, 1 << 16), errc::limit_exceeded);
  small.size = 5'000'000;
  inflating_reader fits(*blob, model::compression::zstd, "layer x", small);
  CHECK(must(read_all(fits, 1 << 16)).size() == 5'000'000);
}

TEST_CASE("a damaged blob is named with the reason") {
  inflated scene;
  const std::string sound = member("content");
  const auto blob = scene.open(sound.substr(0, sound.size() - 3));
  inflating_reader reader(*blob, model::compression::gzip, "layer 0123", {});
  CHECK(must_fail(read_all(reader, 100), errc::malformed_document).text.message() ==
        "layer 0123 cannot be inflated: it is cut off: its last gzip member is not complete");
}
