#include "store/journal.hpp"

#include "unit/store/fixture.hpp"

using namespace gantry;
using namespace gantry::test;
using store::journal_codec;
using store::journal_record;

namespace {

std::vector<std::byte> journal_of(const journal_codec& codec, const std::vector<journal_record>& records) {
  std::vector<std::byte> bytes(codec.header().begin(), codec.header().end());
  for (const journal_record& record : records) {
    const auto encoded = codec.encode(record);
    bytes.insert(bytes.end(), encoded.begin(), encoded.end());
  }
  return bytes;
}

}  // namespace

TEST_CASE("a journal is read as it was written") {
  for (const auto algorithm : {digest_algorithm::sha256, digest_algorithm::sha512}) {
    const journal_codec codec(model::digest_of("x", algorithm), 1000);
    const std::vector<journal_record> records{{0, 400, 1}, {900, 100, ~std::uint64_t{0}}};
    CHECK(codec.decode(journal_of(codec, records)) == records);
    CHECK(codec.decode(journal_of(codec, {})) == std::vector<journal_record>());
  }
}

TEST_CASE("the journal's bytes on disk are fixed") {
  const journal_codec codec(model::digest_of("", digest_algorithm::sha256), 0x0102030405060708);
  const auto header = codec.header();
  const std::string text(reinterpret_cast<const char*>(header.data()), header.size());
  CHECK(text.substr(0, 8) == "gantryJ\n");
  CHECK(text.substr(8, 8) == std::string("\x01\0\0\0\x01\0\0\0", 8));
  CHECK(text.substr(16, 8) == "\x08\x07\x06\x05\x04\x03\x02\x01");
  CHECK(text.substr(24, 4) == "\xe3\xb0\xc4\x42");
  CHECK(text.substr(56, 32) == std::string(32, '\0'));
}

TEST_CASE("a journal of another blob, size, version or length is foreign") {
  const journal_codec codec(model::digest_of("a"), 10);
  CHECK_FALSE(codec.decode(journal_of(journal_codec(model::digest_of("b"), 10), {})));
  CHECK_FALSE(codec.decode(journal_of(journal_codec(model::digest_of("a"), 11), {})));
  CHECK_FALSE(codec.decode({}));
  auto whole = journal_of(codec, {});
  CHECK_FALSE(codec.decode(std::span(whole).first(whole.size() - 1)));
}

TEST_CASE("a torn tail is left out of a journal at every length") {
  const journal_codec codec(model::digest_of("a"), 100);
  const std::vector<journal_record> records{{0, 10, 1}, {10, 10, 2}, {20, 10, 3}};
  const auto whole = journal_of(codec, records);
  for (std::size_t length = store::journal_header_bytes; length <= whole.size(); ++length) {
    const auto kept = (length - store::journal_header_bytes) / store::journal_record_bytes;
    const auto decoded = codec.decode(std::span(whole).first(length));
    REQUIRE(decoded == std::vector<journal_record>(records.begin(), records.begin() + static_cast<std::ptrdiff_t>(kept)));
  }
}

TEST_CASE("no flipped bit of a journal yields a record that was not written") {
  const journal_codec codec(model::digest_of("a"), 100);
  const std::vector<journal_record> records{{0, 10, 1}, {10, 10, 2}, {20, 10, 3}};
  const auto whole = journal_of(codec, records);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    auto damaged = whole;
    damaged[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    const auto decoded = codec.decode(damaged);
    if (bit / 8 < store::journal_header_bytes) {
      REQUIRE_FALSE(decoded);
      continue;
    }
    auto expected = records;
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>((bit / 8 - store::journal_header_bytes) / store::journal_record_bytes));
    REQUIRE(decoded == expected);
  }
}

TEST_CASE("records outside of the blob or of impossible length are left out") {
  const std::uint64_t size = 3 * store::journal_piece_bytes;
  const journal_codec codec(model::digest_of("a"), size);
  const std::vector<journal_record> impossible{{0, 0, 1},
                                               {0, store::journal_piece_bytes + 1, 1},
                                               {size, 1, 1},
                                               {size - 1, 2, 1},
                                               {~std::uint64_t{0}, 2, 1},
                                               {2, ~std::uint64_t{0}, 1}};
  CHECK(codec.decode(journal_of(codec, impossible)) == std::vector<journal_record>());
}

TEST_CASE("records of another blob's journal do not pass") {
  const journal_codec codec(model::digest_of("a"), 100);
  auto bytes = journal_of(codec, {});
  const auto foreign = journal_codec(model::digest_of("b"), 100).encode({0, 10, 1});
  bytes.insert(bytes.end(), foreign.begin(), foreign.end());
  CHECK(codec.decode(bytes) == std::vector<journal_record>());
}

TEST_CASE("the piece hash does not depend on how the bytes are cut") {
  const std::string text = noise(5000);
  store::piece_hasher whole;
  whole.update(bytes_of(text));
  store::piece_hasher parts;
  parts.update(bytes_of("something else"));
  parts.reset();
  for (std::size_t at = 0; at < text.size(); at += 77) parts.update(bytes_of(std::string_view(text).substr(at, 77)));
  CHECK(parts.value() == whole.value());
  // XXH3 of no bytes, as its specification gives it.
  parts.reset();
  CHECK(parts.value() == 0x2D06800538D394C2);
}
