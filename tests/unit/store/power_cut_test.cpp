// What a partial blob is worth after the power failed: of what was written since the last sync some pages are on disk, others are as before
// (zeros), and lengths are older than contents. Nothing here is forced to disk on the way, so any of it may happen.

#include "unit/store/fixture.hpp"

#include <algorithm>
#include <vector>

using namespace gantry;
using namespace gantry::test;
using store::byte_range;
using store::byte_ranges;

namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t piece = 16 * 1024;
constexpr std::uint64_t blob_size = 64 * piece + 1234;

/// How a page that was not synced looks after the cut.
enum class loss {
  zeroed,   ///< allocated, never written
  stale,    ///< what another file had there
  cut_off,  ///< the file's length is that of some page before it
};

/// Damages \p bytes as a power cut would. \returns the pages that are no longer what was written.
byte_ranges cut_power(std::string& bytes, std::minstd_rand& random, loss how, unsigned one_in) {
  const std::string before = bytes;
  if (how == loss::cut_off) {
    const std::uint64_t pages = bytes.size() / page;
    bytes.resize(static_cast<std::size_t>(random() % (pages + 1) * page));
  }
  for (std::uint64_t at = 0; at < bytes.size(); at += page) {
    if (random() % one_in != 0) continue;
    const std::uint64_t length = std::min<std::uint64_t>(page, bytes.size() - at);
    const std::string other = how == loss::stale ? noise(length, static_cast<std::uint32_t>(random())) : std::string(length, '\0');
    bytes.replace(at, length, other);
  }
  byte_ranges lost;
  for (std::uint64_t at = 0; at < before.size(); at += page) {
    const std::uint64_t length = std::min<std::uint64_t>(page, before.size() - at);
    if (at + length > bytes.size() || before.compare(at, length, bytes, at, length) != 0) lost.add({at, length});
  }
  return lost;
}

bool touches(const byte_ranges& lost, byte_range piece_of) {
  return std::any_of(lost.list().begin(), lost.list().end(),
                     [&](const byte_range& one) { return one.offset < piece_of.end() && piece_of.offset < one.end(); });
}

}  // namespace

TEST_CASE_METHOD(store_fixture, "after a power cut exactly the pieces that lost a page are fetched again") {
  const std::string content = noise(blob_size);
  const descriptor blob = descriptor_of(content);
  for (unsigned seed = 1; seed <= 18; ++seed) {
    std::minstd_rand random(seed);
    const auto how = static_cast<loss>(seed % 3);
    INFO("seed " << seed);
    std::vector<byte_range> written;
    {
      auto arriving = must(store->begin(blob));
      REQUIRE(arriving->held().total() == 0);
      for (std::uint64_t at = 0; at < blob_size; at += piece) {
        if (random() % 4 == 0) continue;
        written.push_back({at, std::min(piece, blob_size - at)});
        fetch(*arriving, content, at, written.back().length);
      }
    }
    std::string data = slurp(ingest_of(blob) / "data");
    const byte_ranges lost = cut_power(data, random, how, 40);
    spill(ingest_of(blob) / "data", data);

    auto arriving = must(reopen()->begin(blob));
    std::uint64_t fetched_again = 0;
    for (const byte_range& each : written) {
      const bool held = arriving->held().covers(each);
      // A piece that was all zeros anyway would survive being zeroed; noise never is.
      CHECK(held == !touches(lost, each));
      if (!held) fetched_again += each.length;
    }
    CHECK(fetched_again + arriving->held().total() == [&] {
      std::uint64_t all = 0;
      for (const byte_range& each : written) all += each.length;
      return all;
    }());
    for (const byte_range& gap : arriving->held().gaps(blob.size)) fetch(*arriving, content, gap.offset, gap.length);
    must(arriving->commit(blob.digest));
    REQUIRE(slurp(blob_of(blob)) == content);
    std::filesystem::permissions(blob_of(blob), std::filesystem::perms::owner_all);
    std::filesystem::remove(blob_of(blob));
  }
}

TEST_CASE_METHOD(store_fixture, "after a power cut that reached the journal too no wrong byte is trusted") {
  const std::string content = noise(blob_size);
  const descriptor blob = descriptor_of(content);
  for (unsigned seed = 1; seed <= 18; ++seed) {
    std::minstd_rand random(seed);
    INFO("seed " << seed);
    {
      auto arriving = must(store->begin(blob));
      // Small steps, so that the journal has several pages.
      for (std::uint64_t at = 0; at < blob_size; at += 4096) fetch(*arriving, content, at, std::min<std::uint64_t>(4096, blob_size - at));
    }
    std::string data = slurp(ingest_of(blob) / "data");
    const byte_ranges lost = cut_power(data, random, static_cast<loss>(seed % 3), 40);
    spill(ingest_of(blob) / "data", data);
    std::string journal = slurp(ingest_of(blob) / "journal");
    cut_power(journal, random, static_cast<loss>(seed / 3 % 3), 3);
    // Somewhere within a page too: a length may be written before the bytes.
    if (seed % 5 == 0) journal.resize(journal.size() / 2 + seed);
    spill(ingest_of(blob) / "journal", journal);

    auto arriving = must(reopen()->begin(blob));
    for (const byte_range& each : arriving->held().list()) {
      std::string back(each.length, '\0');
      REQUIRE(must(arriving->read_at(each.offset, std::as_writable_bytes(std::span(back)))) == each.length);
      REQUIRE(content.compare(each.offset, each.length, back) == 0);
    }
    for (const byte_range& gap : arriving->held().gaps(blob.size)) fetch(*arriving, content, gap.offset, gap.length);
    must(arriving->commit(blob.digest));
    REQUIRE(slurp(blob_of(blob)) == content);
    std::filesystem::permissions(blob_of(blob), std::filesystem::perms::owner_all);
    std::filesystem::remove(blob_of(blob));
  }
}
