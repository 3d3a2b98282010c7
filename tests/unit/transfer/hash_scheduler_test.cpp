#include "transfer/hash_scheduler.hpp"

#include "support/loop.hpp"
#include "support/result.hpp"

#include <array>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace gantry::transfer {
namespace {

std::string noise(std::size_t size, unsigned seed) {
  std::minstd_rand source(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(source());
  return bytes;
}

/// A text in blocks of one size; fails or throws where the text ends when told to.
class text_source final : public hash_source {
 public:
  enum class ending { good, failing, throwing };
  text_source(std::string text, std::size_t block, ending how = ending::good) : text_(std::move(text)), block_(block), how_(how) {}

  result<std::span<const std::byte>> next() override {
    const std::size_t length = std::min(block_, text_.size() - done_);
    if (length == 0 && how_ == ending::failing) return failure(errc::storage_error, "cannot be read");
    if (length == 0 && how_ == ending::throwing) throw std::runtime_error("thrown");
    const auto bytes = std::as_bytes(std::span(text_.data() + done_, length));
    done_ += length;
    return bytes;
  }

 private:
  std::string text_;
  std::size_t block_;
  ending how_;
  std::size_t done_ = 0;
};

struct fixture {
  test::loop loop;
  runtime::lanes workers;
  hash_scheduler one{loop.executor, workers, 1};

  struct stream {
    std::string text;
    std::shared_ptr<model::digester> hash = std::make_shared<model::digester>(digest_algorithm::sha256);
    std::optional<result<void>> outcome{};
  };
  void feed(hash_scheduler& with, stream& into, std::size_t block, text_source::ending how = text_source::ending::good) {
    loop.spawn(with.feed(into.hash, std::make_shared<text_source>(into.text, block, how)), into.outcome);
  }
};

TEST_CASE("one stream is hashed as it is") {
  fixture f;
  fixture::stream only{noise(100'000, 1)};
  f.feed(f.one, only, 1000);
  f.loop.drain();
  test::must(*only.outcome);
  CHECK(only.hash->finish() == model::digest_of(only.text));
  CHECK(f.one.paired_bytes() == 0);
}

TEST_CASE("what waits is hashed two by two, each stream as if it were alone") {
  fixture f;
  std::array<fixture::stream, 7> streams;
  for (unsigned i = 0; i < streams.size(); ++i) {
    streams[i].text = noise(10'000 + 7'000 * i, i);
    f.feed(f.one, streams[i], 1000 + 100 * i);
  }
  f.loop.drain();
  for (fixture::stream& each : streams) {
    test::must(*each.outcome);
    CHECK(each.hash->finish() == model::digest_of(each.text));
  }
  // The first begins alone or not, and the last may end alone.
  CHECK(f.one.paired_bytes() >= 100'000);
}

TEST_CASE("two streams of one object follow one another") {
  fixture f;
  fixture::stream first{noise(5000, 1)};
  f.feed(f.one, first, 100);
  f.loop.drain();
  first.outcome.reset();
  f.feed(f.one, first, 200);
  f.loop.drain();
  CHECK(first.hash->finish() == model::digest_of(first.text + first.text));
}

TEST_CASE("a source that fails or throws fails alone, and the others go on") {
  const auto how = GENERATE(text_source::ending::failing, text_source::ending::throwing);
  fixture f;
  fixture::stream bad{noise(3000, 1)};
  f.feed(f.one, bad, 100, how);
  if (how == text_source::ending::throwing) {
    CHECK_THROWS_AS(f.loop.drain(), std::runtime_error);
    CHECK_FALSE(bad.outcome);
  } else {
    f.loop.drain();
    test::must_fail(*bad.outcome, errc::storage_error);
  }
  std::array<fixture::stream, 3> good;
  for (fixture::stream& each : good) {
    each.text = noise(20'000, 9);
    f.feed(f.one, each, 512);
  }
  f.loop.drain();
  for (fixture::stream& each : good) {
    test::must(*each.outcome);
    CHECK(each.hash->finish() == model::digest_of(each.text));
  }
}

}  // namespace
}  // namespace gantry::transfer
