// What earlier runs have left on the disk, and others may have changed since.

#include "fuzz/targets.hpp"
#include "jobs/sync_lock.hpp"
#include "store/blob_meta.hpp"
#include "store/journal.hpp"
#include "store/lease.hpp"
#include "store/reference_record.hpp"

#include <gantry/digest.hpp>

#include <cstdint>
#include <string>

namespace gantry::fuzz {
namespace {

void read_journal(std::string_view text) {
  error_code ec;
  const digest blob = digest::parse("sha256:" + std::string(64, 'a'), ec);
  constexpr std::uint64_t size = 10'000'000;
  const store::journal_codec codec(blob, size);
  // With the right header in front of it, too, which is not to be guessed.
  std::string journal(reinterpret_cast<const char*>(codec.header().data()), codec.header().size());
  journal += text;
  for (const std::string_view one : {text, std::string_view(journal)}) {
    const auto records = codec.decode(bytes_of(one));
    if (!records) continue;
    for (const store::journal_record& record : *records) {
      expect(record.length <= size && record.offset <= size - record.length, "a piece is inside its blob");
    }
  }
}

void read_store_documents(std::string_view text) {
  (void)store::parse_lease(text);
  (void)store::parse_meta(text);
  (void)store::parse_record(text);
}

/// The lock file of a sync.
void read_sync_lock(std::string_view text) {
  const auto lock = jobs::read_sync_lock(text, "x");
  if (!lock) return;
  const std::string written = jobs::write_sync_lock(*lock);
  const auto again = jobs::read_sync_lock(written, "x");
  expect(again && jobs::write_sync_lock(*again) == written, "a lock is read back as it is written");
  expect(jobs::hash_of(*again) == jobs::hash_of(*lock), "equal locks have equal hashes");
}

constexpr target all[] = {
    {"journal", read_journal},
    {"store_documents", read_store_documents},
    {"sync_lock", read_sync_lock},
};

}  // namespace

std::span<const target> store_targets() noexcept { return all; }

}  // namespace gantry::fuzz
