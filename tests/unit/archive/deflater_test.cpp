#include "archive/deflater.hpp"

#include "archive/raw_inflater.hpp"

#include "archive_fixture.hpp"
#include "support/catch.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace gantry;
using namespace gantry::archive;

namespace {

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

std::vector<std::pair<std::string, std::unique_ptr<piece_deflater>>> deflaters() {
  std::vector<std::pair<std::string, std::unique_ptr<piece_deflater>>> all;
  all.emplace_back("zlib", make_zlib_deflater());
  if (auto isal = make_isal_deflater()) all.emplace_back("isal", std::move(isal));
  all.emplace_back("default", make_piece_deflater());
  return all;
}

/// What a stream of \p pieces inflates to.
std::string inflated(std::string pieces) {
  pieces.append("\x03\x00", 2);
  const auto inflater = make_zlib_inflater();
  std::string out;
  std::string room(1 << 20, '\0');
  std::span<const std::byte> in = bytes_of(pieces);
  for (;;) {
    const auto some = inflater->run(in, std::as_writable_bytes(std::span(room)));
    REQUIRE(some);
    out.append(room, 0, some->given);
    in = in.subspan(some->taken);
    if (some->ended) break;
    REQUIRE((some->taken > 0 || some->given > 0));
  }
  CHECK(in.empty());
  return out;
}

}  // namespace

TEST_CASE("pieces of all kinds and sizes, one after the other, are one deflate stream") {
  for (const auto& [name, deflater] : deflaters()) {
    INFO(name);
    std::string stream;
    std::string expected;
    unsigned seed = 1;
    for (const std::size_t size : {0U, 1U, 2U, 63U, 64U, 511U, 512U, 65534U, 65535U, 65536U, 200'000U, 524'288U}) {
      for (const std::string& piece : {fixture::prose(size), fixture::noise(size, seed++), std::string(size, '\0')}) {
        std::vector<std::byte> out;
        deflater->deflate(bytes_of(piece), out);
        stream.append(reinterpret_cast<const char*>(out.data()), out.size());
        expected += piece;
      }
    }
    CHECK(inflated(stream) == expected);
  }
}

TEST_CASE("text is shortened, noise is stored with five bytes a block, and equal pieces give equal bytes") {
  for (const auto& [name, deflater] : deflaters()) {
    INFO(name);
    const std::string text = fixture::prose(500'000);
    const std::string noise = fixture::noise(500'000, 1);
    std::vector<std::byte> first;
    std::vector<std::byte> second;
    deflater->deflate(bytes_of(text), first);
    CHECK(first.size() < text.size() / 3);
    deflater->deflate(bytes_of(noise), second);
    CHECK(second.size() == noise.size() + 8 * stored_header_size);
    deflater->deflate(bytes_of(text), second);
    CHECK(first == second);
  }
}
