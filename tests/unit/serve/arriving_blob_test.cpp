#include "serve/arriving_blob.hpp"

#include "support/catch.hpp"
#include "support/loop.hpp"
#include "support/result.hpp"
#include "support/temp_dir.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>

using namespace gantry::serve;
using namespace gantry::test;
using gantry::errc;
using gantry::failure;
using gantry::result;
using gantry::store::byte_range;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

struct fixture {
  explicit fixture(std::uint64_t size) : blob(std::make_shared<arriving_blob>(lanes, described(size))) {
    spill(directory / "data", std::string(size, 'x'));
  }
  static gantry::descriptor described(std::uint64_t size) {
    gantry::descriptor value;
    value.size = size;
    return value;
  }
  std::shared_ptr<const gantry::runtime::file> data() const {
    return std::make_shared<const gantry::runtime::file>(
        must(gantry::runtime::file::open(directory / "data", gantry::runtime::open_mode::read)));
  }

  temp_dir directory;
  loop strand;
  gantry::runtime::lanes lanes;
  gantry::runtime::stop_source stop;
  std::shared_ptr<arriving_blob> blob;
};

/// A complete blob in memory.
class memory_reader final : public gantry::model::blob_reader {
 public:
  explicit memory_reader(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const noexcept override { return size_; }
  result<std::size_t> read_at(std::uint64_t, std::span<std::byte> into) override { return into.size(); }

 private:
  std::uint64_t size_;
};

}  // namespace

TEST_CASE("the end of a blob is kept back, and all of a small one") {
  CHECK(releasable(0, 100 * mib) == 0);
  CHECK(releasable(5 * mib, 100 * mib) == 5 * mib);
  CHECK(releasable(100 * mib, 100 * mib) == 100 * mib - 64 * 1024);
  CHECK(releasable(4 * mib, 4 * mib) == 0);
  CHECK(releasable(4 * mib + 1, 4 * mib + 1) == 4 * mib + 1 - 64 * 1024);
  CHECK(releasable(0, 0) == 0);
}

TEST_CASE("a reader follows what arrives without a gap, to the end when it is verified") {
  fixture f(10 * mib);
  const auto reader = f.blob->reader();
  std::optional<result<std::uint64_t>> end;
  f.strand.spawn(reader->available(0, f.stop), end);
  f.strand.poll();
  f.blob->opened(f.data(), {});
  f.blob->written(byte_range{mib, mib});
  f.strand.poll();
  CHECK_FALSE(end.has_value());
  f.blob->written(byte_range{0, mib});
  f.strand.drain();
  REQUIRE(end.has_value());
  CHECK(must(*end) == 2 * mib);
  std::string room(4, ' ');
  CHECK(must(f.strand.run(reader->read(0, std::as_writable_bytes(std::span(room)), {}))) == 4);
  CHECK(room == "xxxx");

  end.reset();
  f.blob->written(byte_range{2 * mib, 8 * mib});
  f.strand.spawn(reader->available(10 * mib - 1, f.stop), end);
  f.strand.poll();
  CHECK_FALSE(end.has_value());
  f.blob->finished(std::make_shared<memory_reader>(10 * mib));
  f.strand.drain();
  CHECK(must(*end) == 10 * mib);
}

TEST_CASE("who was given wrong bytes is cut, who was not waits for the next attempt") {
  fixture f(10 * mib);
  const auto early = f.blob->reader();
  const auto late = f.blob->reader();
  f.blob->opened(f.data(), {});
  f.blob->written(byte_range{0, 5 * mib});
  CHECK(must(f.strand.run(early->available(0, f.stop))) == 5 * mib);
  f.blob->opened(f.data(), {});
  f.blob->written(byte_range{0, 6 * mib});
  must_fail(f.strand.run(early->available(5 * mib, f.stop)), errc::digest_mismatch);
  CHECK(must(f.strand.run(late->available(0, f.stop))) == 6 * mib);
}

TEST_CASE("a failure and a stop end the wait") {
  fixture f(10 * mib);
  const auto reader = f.blob->reader();
  std::optional<result<std::uint64_t>> end;
  f.strand.spawn(reader->available(0, f.stop), end);
  f.strand.poll();
  f.stop.request_stop();
  f.strand.drain();
  must_fail(*end, errc::cancelled);
  f.blob->failed(failure(errc::not_found, "gone"));
  gantry::runtime::stop_source other;
  must_fail(f.strand.run(reader->available(0, other)), errc::not_found);
}
