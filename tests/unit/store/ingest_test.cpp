#include "store/ingest.hpp"

#include "support/small_disk.hpp"
#include "unit/store/fixture.hpp"

#include <sys/stat.h>

#include <atomic>
#include <thread>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using store::byte_range;
using store::ingest_place;
using store::journal_piece_bytes;
using ranges = std::vector<byte_range>;

namespace {

unsigned permissions_of(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777U : 0;
}

}  // namespace

TEST_CASE_METHOD(store_fixture, "a blob that arrives in one piece becomes part of the store") {
  const std::string content = noise(100'000);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().list().empty());
  CHECK_FALSE(store->holds(blob));
  fetch(*arriving, content, 0, content.size());
  must(arriving->commit(blob.digest));
  CHECK(store->holds(blob));
  CHECK(slurp(blob_of(blob)) == content);
  CHECK(permissions_of(blob_of(blob)) == 0444);
  CHECK_FALSE(std::filesystem::exists(ingest_of(blob)));
}

TEST_CASE_METHOD(store_fixture, "an empty blob and a sha512 blob can be ingested") {
  for (const std::string& content : {std::string(), noise(300)}) {
    const descriptor blob = descriptor_of(content, digest_algorithm::sha512);
    auto arriving = must(store->begin(blob));
    fetch(*arriving, content, 0, content.size());
    must(arriving->commit(blob.digest));
    CHECK(store->holds(blob));
  }
}

TEST_CASE_METHOD(store_fixture, "an abandoned ingest is resumed with what was journalled") {
  const std::string content = noise(3 * journal_piece_bytes + 1000);
  const descriptor blob = descriptor_of(content);
  {
    auto arriving = must(store->begin(blob));
    store::piece_writer writer(*arriving, 0);
    must(writer.append(bytes_of(content).first(journal_piece_bytes + 5000)));
    CHECK(writer.position() == journal_piece_bytes + 5000);
    fetch(*arriving, content, 2 * journal_piece_bytes, 777);
    // No flush of the first writer: as if the process had been killed.
  }
  auto arriving = must(reopen()->begin(blob));
  CHECK(arriving->held().list() == ranges{{0, journal_piece_bytes}, {2 * journal_piece_bytes, 777}});
  std::string back(10, '\0');
  CHECK(must(arriving->read_at(journal_piece_bytes - 10, std::as_writable_bytes(std::span(back)))) == 10);
  CHECK(back == content.substr(journal_piece_bytes - 10, 10));
  for (const byte_range& gap : arriving->held().gaps(blob.size)) fetch(*arriving, content, gap.offset, gap.length);
  must(arriving->commit(blob.digest));
  CHECK(slurp(blob_of(blob)) == content);
}

TEST_CASE_METHOD(store_fixture, "appending to a resumed journal works over several runs") {
  const std::string content = noise(4000);
  const descriptor blob = descriptor_of(content);
  for (std::uint64_t run = 0; run < 4; ++run) {
    auto arriving = must(store->begin(blob));
    CHECK(arriving->held().total() == run * 1000);
    fetch(*arriving, content, run * 1000, 1000);
  }
  CHECK(std::filesystem::file_size(ingest_of(blob) / "journal") == store::journal_header_bytes + 4 * store::journal_record_bytes);
  must(must(store->begin(blob))->commit(blob.digest));
}

TEST_CASE_METHOD(store_fixture, "a piece whose bytes changed on disk is not trusted") {
  const std::string content = noise(3000);
  const descriptor blob = descriptor_of(content);
  {
    auto arriving = must(store->begin(blob));
    for (std::uint64_t at = 0; at < 3000; at += 1000) fetch(*arriving, content, at, 1000);
  }
  auto data = must(runtime::file::open(ingest_of(blob) / "data", runtime::open_mode::update));
  must(data.write_at(1500, bytes_of("!?")));
  must(data.truncate(2999));
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().list() == ranges{{0, 1000}});
}

TEST_CASE_METHOD(store_fixture, "of overlapping records those that fail are not trusted") {
  const std::string content = noise(3000);
  const descriptor blob = descriptor_of(content);
  {
    auto arriving = must(store->begin(blob));
    must(arriving->write(0, bytes_of(content).first(2000)));
    store::piece_hasher sound;
    sound.update(bytes_of(content).first(1000));
    must(arriving->record({500, 1500, 42}));
    must(arriving->record({0, 1000, sound.value()}));
    must(arriving->record({0, 1000, sound.value()}));
    must(arriving->record({200, 300, 42}));
  }
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().list() == ranges{{0, 1000}});
  // What failed or said nothing new is gone from the journal.
  CHECK(std::filesystem::file_size(ingest_of(blob) / "journal") == store::journal_header_bytes + store::journal_record_bytes);
}

TEST_CASE_METHOD(store_fixture, "no damaged byte of a journal makes a wrong byte trusted") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  {
    auto arriving = must(store->begin(blob));
    for (std::uint64_t at = 0; at < 600; at += 200) fetch(*arriving, content, at, 200);
  }
  const std::string journal = slurp(ingest_of(blob) / "journal");
  for (std::size_t at = 0; at <= journal.size(); ++at) {
    for (const bool cut : {false, true}) {
      if (!cut && at == journal.size()) continue;
      std::string damaged = cut ? journal.substr(0, at) : journal;
      if (!cut) damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      spill(ingest_of(blob) / "journal", damaged);
      // One piece on disk is wrong as well.
      std::string data = content;
      data[450] = static_cast<char>(data[450] ^ 1);
      spill(ingest_of(blob) / "data", data);

      auto arriving = must(store->begin(blob));
      REQUIRE_FALSE(arriving->held().covers({450, 1}));
      REQUIRE(arriving->held().total() <= 400);
      for (const byte_range& gap : arriving->held().gaps(blob.size)) fetch(*arriving, content, gap.offset, gap.length);
      std::string back(600, '\0');
      REQUIRE(must(arriving->read_at(0, std::as_writable_bytes(std::span(back)))) == 600);
      REQUIRE(back == content);
    }
  }
}

TEST_CASE_METHOD(store_fixture, "a foreign journal is dropped together with its data") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  spill(ingest_of(blob) / "journal", std::string(200, 'x'));
  spill(ingest_of(blob) / "data", noise(5000));
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().list().empty());
  CHECK(std::filesystem::file_size(ingest_of(blob) / "data") == 0);
}

TEST_CASE_METHOD(store_fixture, "a data file longer than its blob is cut") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  { fetch(*must(store->begin(blob)), content, 0, 600); }
  spill(ingest_of(blob) / "data", content + "more");
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().total() == 600);
  must(arriving->commit(blob.digest));
  CHECK(slurp(blob_of(blob)) == content);
}

TEST_CASE_METHOD(store_fixture, "a lost data file costs its pieces only") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  { fetch(*must(store->begin(blob)), content, 0, 600); }
  std::filesystem::remove(ingest_of(blob) / "data");
  CHECK(must(store->begin(blob))->held().list().empty());
}

TEST_CASE_METHOD(store_fixture, "an ingest without one journalled byte leaves nothing") {
  const descriptor blob = descriptor_of(noise(600));
  must(store->begin(blob));
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(store_fixture, "the wrong digest removes data and journal") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(store->begin(blob));
  fetch(*arriving, noise(600, 2), 0, 600);
  const failure error = must_fail(arriving->commit(descriptor_of(noise(600, 2)).digest), errc::digest_mismatch);
  CHECK_THAT(error.text.message(), Catch::Contains(blob.digest.string()));
  CHECK_FALSE(store->holds(blob));
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(store_fixture, "a data file of the wrong length is never committed") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(store->begin(blob));
  fetch(*arriving, content, 0, 599);
  must_fail(arriving->commit(blob.digest), errc::size_mismatch);
  CHECK_FALSE(store->holds(blob));
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(store_fixture, "bytes beyond the blob's size are refused") {
  const descriptor blob = descriptor_of(noise(600));
  auto arriving = must(store->begin(blob));
  must_fail(arriving->write(600, bytes_of("x")), errc::size_mismatch);
  must_fail(arriving->write(~std::uint64_t{0}, bytes_of("xx")), errc::size_mismatch);
  store::piece_writer writer(*arriving, 590);
  must_fail(writer.append(bytes_of(noise(11))), errc::size_mismatch);
  CHECK(writer.position() == 590);
  must(writer.append(bytes_of(noise(10))));
}

TEST_CASE_METHOD(store_fixture, "discarding removes data and journal") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(store->begin(blob));
  fetch(*arriving, content, 0, 600);
  arriving->discard();
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(store_fixture, "an ingest of one's own is apart from the shared one and gone when abandoned") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  auto shared = must(store->begin(blob));
  fetch(*shared, content, 0, 300);
  {
    auto own = must(store->begin(blob, {.place = ingest_place::own}));
    CHECK(own->held().list().empty());
    fetch(*own, content, 0, 600);
  }
  auto own = must(store->begin(blob, {.place = ingest_place::own}));
  fetch(*own, content, 0, 600);
  must(own->commit(blob.digest));
  CHECK(store->holds(blob));
  // The other one may finish all the same.
  fetch(*shared, content, 300, 300);
  must(shared->commit(blob.digest));
  CHECK(slurp(blob_of(blob)) == content);
  CHECK(std::filesystem::is_empty(directory / "store/ingest"));
}

TEST_CASE_METHOD(store_fixture, "several threads write pieces of one blob") {
  const std::string content = noise(4 * journal_piece_bytes + 12'345);
  const descriptor blob = descriptor_of(content);
  const std::uint64_t share = blob.size / 8 + 1;
  {
    auto arriving = must(store->begin(blob));
    std::atomic<int> failed = 0;
    std::vector<std::thread> threads;
    for (std::uint64_t i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] {
        store::piece_writer writer(*arriving, i * share);
        auto rest = bytes_of(content).subspan(i * share).first(std::min(share, blob.size - i * share));
        while (!rest.empty()) {
          const auto part = rest.first(std::min<std::size_t>(rest.size(), 10'007));
          if (!writer.append(part) || (part.size() % 5 == 0 && !writer.flush())) ++failed;
          rest = rest.subspan(part.size());
        }
        if (!writer.flush()) ++failed;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failed == 0);
  }
  auto arriving = must(store->begin(blob));
  CHECK(arriving->held().list() == ranges{{0, blob.size}});
  must(arriving->commit(blob.digest));
  CHECK(slurp(blob_of(blob)) == content);
}

TEST_CASE_METHOD(store_fixture, "checking what an earlier run left can be stopped and loses nothing") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  { fetch(*must(store->begin(blob)), content, 0, 600); }
  const std::atomic<bool> stop = true;
  must_fail(store->begin(blob, {.stop = &stop}), errc::cancelled);
  CHECK(must(store->begin(blob))->held().total() == 600);
}

TEST_CASE_METHOD(store_fixture, "a synced store commits as well") {
  const auto synced = must(store::content_store::open({.root = directory / "store", .sync = true}));
  const std::string content = noise(journal_piece_bytes + 1);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(synced->begin(blob));
  fetch(*arriving, content, 0, content.size());
  must(arriving->commit(blob.digest));
  CHECK(slurp(blob_of(blob)) == content);
}

TEST_CASE("a full disk is told as the store's, with the blob and not with a file of it") {
  const small_disk disk("1m");
  if (!disk.usable()) {
    WARN("skipped: nothing can be mounted here");
    return;
  }
  const auto held = must(store::content_store::open({.root = disk.path() / "store", .sync = false, .journal_from = 0}));
  // Too small for its space to be asked for beforehand.
  const std::string content = noise(900'000);
  const descriptor blob = descriptor_of(content);
  const auto arriving = must(held->begin(blob));
  spill(disk.path() / "others", noise(500'000));
  const failure why = must_fail(arriving->write(0, bytes_of(content)), errc::no_space);
  CHECK_THAT(why.text.message(),
             Catch::StartsWith("the store " + (disk.path() / "store").string() + " has no space for blob " + blob.digest.string() + " (") &&
                 Catch::Contains(" are left") && !Catch::Contains("ingest"));
}

TEST_CASE_METHOD(store_fixture, "a store that is removed under a blob is called gone, and is not begun anew") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  auto arriving = must(store->begin(blob));
  fetch(*arriving, content, 0, content.size());
  std::filesystem::remove_all(directory / "store");
  const auto gone = arriving->commit(blob.digest);
  CHECK_THAT(must_fail(gone, errc::storage_error).text.message(),
             Catch::Contains("the store " + (directory / "store").string() + " is gone: it was removed") && !Catch::Contains("data"));
  CHECK_FALSE(std::filesystem::exists(directory / "store"));
}

TEST_CASE_METHOD(store_fixture, "a store that is removed, or whose disk is, is made anew by nobody who has it open") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  std::filesystem::remove_all(directory / "store");
  // Where a disk was mounted its directory stays.
  const bool unmounted = GENERATE(false, true);
  if (unmounted) std::filesystem::create_directory(directory / "store");
  CHECK_FALSE(store->is_present());
  const auto is_gone = [this](const auto& outcome) {
    const std::string said = must_fail(outcome, errc::storage_error).text.message();
    CHECK_THAT(said, Catch::StartsWith("the store " + (directory / "store").string() + " is gone: it was removed, or its disk was"));
  };
  is_gone(store->begin(blob));
  is_gone(store->begin(blob, {.place = store::ingest_place::own}));
  is_gone(store->put(blob, content));
  is_gone(store->write_blob());
  is_gone(store->put_meta(blob.digest, {}));
  is_gone(store->try_lock(blob.digest));
  is_gone(store->try_lease());
  is_gone(store->try_lock_index());
  is_gone(store->try_lock_gc());
  CHECK(std::filesystem::exists(directory / "store") == unmounted);
  if (unmounted) CHECK(std::filesystem::is_empty(directory / "store"));
  // Whoever opens it does.
  CHECK(reopen()->is_present());
}

TEST_CASE_METHOD(store_fixture, "a partial file that a dying commit left read-only is resumed") {
  const std::string content = noise(600);
  const descriptor blob = descriptor_of(content);
  std::filesystem::permissions(directory.path(), std::filesystem::perms::all);
  const std::filesystem::path root = directory / "nobody";
  CHECK(as_nobody([&] {
    const auto own = store::content_store::open({.root = root, .sync = false, .journal_from = 0});
    if (!own) return false;
    {
      const auto arriving = (*own)->begin(blob);
      if (!arriving) return false;
      store::piece_writer writer(**arriving, 0);
      if (!writer.append(bytes_of(content)) || !writer.flush()) return false;
    }
    std::filesystem::permissions(store::paths{root}.ingest(blob.digest) / "data", std::filesystem::perms(0444));
    const auto arriving = (*own)->begin(blob);
    return arriving && (*arriving)->held().total() == 600 && (*arriving)->commit(blob.digest) && (*own)->holds(blob);
  }));
}
