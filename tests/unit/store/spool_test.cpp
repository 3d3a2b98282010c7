#include "store/spool.hpp"

#include "fixture.hpp"
#include "store/memory_documents.hpp"

#include <thread>

using namespace gantry;
using namespace gantry::test;
using namespace gantry::store;

namespace {

void bring(spool& through, const descriptor& blob, std::string_view bytes) {
  auto part = must(through.begin(blob, {}));
  store_fixture::fetch(*part, bytes, 0, bytes.size());
  must(part->commit(model::digest_of(bytes)));
}

}  // namespace

TEST_CASE("a blob passes through the spool once and leaves no file") {
  const temp_dir directory;
  std::vector<digest> read;
  spool through(directory.path(), [&](const descriptor& blob) { read.push_back(blob.digest); });
  const std::string bytes = noise(3'000'000);
  const descriptor blob = descriptor_of(bytes);
  CHECK(must(through.claim(blob)).lock.has_value());
  bring(through, blob, bytes);
  CHECK(std::filesystem::is_empty(directory.path()));
  {
    auto reader = must(through.open(blob));
    std::string got(bytes.size(), '\0');
    CHECK(must(reader->read_at(0, std::as_writable_bytes(std::span(got)))) == got.size());
    CHECK(got == bytes);
    CHECK(read.empty());
  }
  CHECK(read == std::vector<digest>{blob.digest});
}

TEST_CASE("a reader waits for a blob that is on its way, and goes away when the spool is closed") {
  const temp_dir directory;
  spool through(directory.path(), {});
  const std::string bytes = noise(1000);
  const descriptor blob = descriptor_of(bytes);
  std::uint64_t size = 0;
  std::thread reader([&] {
    const auto opened = through.open(blob);
    if (opened) size = (*opened)->size();
  });
  bring(through, blob, bytes);
  reader.join();
  CHECK(size == 1000);

  error_code ended;
  std::thread waiting([&] { ended = through.open(blob).error().code; });
  through.close();
  waiting.join();
  CHECK(ended == errc::cancelled);
}

TEST_CASE("wrong bytes do not leave the spool") {
  const temp_dir directory;
  spool through(directory.path(), {});
  const descriptor blob = descriptor_of(noise(1000));
  const std::string other = noise(1000, 2);
  auto part = must(through.begin(blob, {}));
  store_fixture::fetch(*part, other, 0, other.size());
  must_fail(part->commit(model::digest_of(other)), errc::digest_mismatch);
  must_fail(part->write(990, bytes_of(other)), errc::size_mismatch);
  through.close();
  must_fail(through.open(blob), errc::cancelled);
}

TEST_CASE("documents in memory are checked, bounded and nameless") {
  memory_documents documents(2500);
  const std::string bytes = noise(1000);
  const descriptor blob = descriptor_of(bytes);
  CHECK_FALSE(documents.holds(blob));
  must_fail(documents.read(blob, 5000), errc::not_found);
  must_fail(documents.open(blob), errc::not_found);
  must_fail(documents.put(blob, "short"), errc::size_mismatch);
  must_fail(documents.put(blob, noise(1000, 2)), errc::digest_mismatch);
  must(documents.put(blob, bytes));
  must(documents.put(blob, bytes));
  CHECK(must(documents.read(blob, 1000)) == bytes);
  must_fail(documents.read(blob, 999), errc::limit_exceeded);
  std::string got(100, '\0');
  CHECK(must(must(documents.open(blob))->read_at(950, std::as_writable_bytes(std::span(got)))) == 50);
  CHECK(got.substr(0, 50) == bytes.substr(950));
  const std::string large = noise(2000, 3);
  must_fail(documents.put(descriptor_of(large), large), errc::limit_exceeded);
  error_code ec;
  CHECK_FALSE(must(documents.find_reference(reference::parse("nginx:1", ec))).has_value());
}
