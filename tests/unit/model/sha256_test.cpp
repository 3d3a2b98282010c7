#include "model/sha256.hpp"

#include "model/digester.hpp"
#include "support/catch.hpp"

#include <random>
#include <string>
#include <string_view>

namespace gantry::model {
namespace {

std::string noise(std::size_t size, unsigned seed) {
  std::minstd_rand source(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(source());
  return bytes;
}

std::span<const std::byte> view(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

digest by_openssl(std::string_view bytes) {
  digester hash(digest_algorithm::sha256, digester::method::openssl);
  hash.update(bytes);
  return hash.finish();
}

digest by_best(std::string_view bytes) {
  digester hash(digest_algorithm::sha256);
  hash.update(bytes);
  return hash.finish();
}

TEST_CASE("both ways to hash agree with FIPS 180-4 and with each other at every length around a block") {
  if (!sha256_ni::available()) WARN("this processor has no SHA instructions: OpenSSL is compared with itself");
  CHECK(by_best("abc").string() == "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(by_best("").string() == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string bytes = noise(400, 1);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    INFO(size);
    CHECK(by_best(bytes.substr(0, size)) == by_openssl(bytes.substr(0, size)));
  }
}

TEST_CASE("pieces of any size hash like the whole, from any address") {
  const std::string bytes = noise(20'000, 2);
  std::minstd_rand source(3);
  for (int round = 0; round < 50; ++round) {
    digester hash(digest_algorithm::sha256);
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length = std::min<std::size_t>(source() % 300, bytes.size() - at);
      hash.update(view(bytes).subspan(at, length));
      at += length;
    }
    CHECK(hash.finish() == by_openssl(bytes));
  }
}

TEST_CASE("two streams side by side hash like each alone, whatever their lengths and open blocks") {
  std::minstd_rand source(4);
  for (int round = 0; round < 200; ++round) {
    INFO(round);
    std::string one;
    std::string other;
    digester a(digest_algorithm::sha256);
    digester b(digest_algorithm::sha256);
    for (int step = 0; step < 6; ++step) {
      const std::string more_one = noise(source() % 700, static_cast<unsigned>(source()));
      const std::string more_other = noise(source() % 700, static_cast<unsigned>(source()));
      if (step % 3 == 2) {
        a.update(more_one);
        b.update(more_other);
      } else {
        digester::update_pair(a, view(more_one), b, view(more_other));
      }
      one += more_one;
      other += more_other;
    }
    CHECK(a.finish() == by_openssl(one));
    CHECK(b.finish() == by_openssl(other));
  }
}

TEST_CASE("a pair of different algorithms is hashed one by one") {
  const std::string bytes = noise(1000, 5);
  digester a(digest_algorithm::sha256);
  digester b(digest_algorithm::sha512);
  digester::update_pair(a, view(bytes), b, view(bytes));
  CHECK(a.finish() == by_openssl(bytes));
  CHECK(b.finish() == digest_of(bytes, digest_algorithm::sha512));
  CHECK_FALSE(digester::gains_from_pairs(digest_algorithm::sha512));
}

}  // namespace
}  // namespace gantry::model
