#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/byte_ranges.hpp"
#include "store/journal.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace gantry::store {

/// Whose partial file an ingest works on.
enum class ingest_place {
  shared,  ///< `ingest/<algorithm>-<hex>`: kept for a later run; only for the holder of the digest lock
  own      ///< `ingest/<algorithm>-<hex>.<random>`: for those who could not have the lock; gone with the object
};

struct ingest_options {
  ingest_place place = ingest_place::shared;
  /// Looked at between the reads that check what an earlier run left; true ends begin() with errc::cancelled. Must outlive begin(). None:
  /// not stoppable.
  const std::atomic<bool>* stop = nullptr;
};

/// A blob on its way into the store: data file and journal (DESIGN section 4). Made by content_store::begin.
///
/// write(), record(), read_at() and start_writeback() may run concurrently on several threads, for disjoint ranges; commit() and discard()
/// only when nothing else runs. Destroying the object abandons the ingest: a shared one stays on disk and is resumed by the next begin().
class ingest {
 public:
  ingest(const ingest&) = delete;
  ingest& operator=(const ingest&) = delete;
  ~ingest();

  const descriptor& blob() const noexcept { return blob_; }
  /// Bytes of an earlier run that are on disk as its journal says; found by begin(), not updated later.
  const byte_ranges& held() const noexcept { return held_; }

  /// Writes at \p offset of the blob. Nothing is journalled: use \ref piece_writer. Fails with errc::size_mismatch beyond the blob's size.
  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes);
  /// Notes that a piece was written whose bytes hash to \p piece.checksum. Length from 1 to journal_piece_bytes.
  result<void> record(const journal_record& piece);
  /// Reads what was written. \returns the bytes read, fewer than asked only at the end of the data file.
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const;
  /// Begins to write the range to disk, so that commit() waits little. Does nothing for a store that does not sync.
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept;

  /// Makes the blob part of the store. \p computed is what the caller hashed: exactly the bytes given to write() and those of held(). Every
  /// write must have returned. Wrong digest or size: data and journal are removed, errc::digest_mismatch or errc::size_mismatch. A failed
  /// fdatasync: the same with errc::storage_error or no_space. After success or failure only the destructor may be called.
  result<void> commit(const digest& computed);
  /// Removes data and journal.
  void discard() noexcept;

 private:
  friend class content_store;
  struct places {
    std::filesystem::path directory;  ///< of data and journal
    std::filesystem::path target;     ///< final name of the blob
    bool sync = true;
  };
  ingest(descriptor blob, places where, ingest_place place);
  static result<std::unique_ptr<ingest>> begin(descriptor blob, places where, const ingest_options& options);
  result<void> open_files(const std::atomic<bool>* stop);
  result<std::vector<journal_record>> trusted_records(const std::vector<journal_record>& claimed, const std::atomic<bool>* stop);
  result<void> publish();

  descriptor blob_;
  places where_;
  ingest_place place_;
  bool finished_ = false;
  std::atomic<bool> resumable_ = false;  ///< whether the journal has a record

  journal_codec codec_;
  runtime::file data_;
  runtime::file journal_;
  byte_ranges held_;
};

/// Writes one contiguous run of bytes: pwrite, hash of the current piece, one journal record (and the start of writeback) each
/// journal_piece_bytes and at flush(). Abandon it after a failure. One thread at a time; several writers may work on one ingest, which must
/// outlive them.
class piece_writer {
 public:
  piece_writer(ingest& target, std::uint64_t offset);

  result<void> append(std::span<const std::byte> bytes);
  /// Journals what was appended since the last record and starts its writeback. Not done by the destructor: without it a later run fetches
  /// those bytes again.
  result<void> flush();
  /// Offset in the blob of the next byte.
  std::uint64_t position() const noexcept { return start_ + length_; }

 private:
  ingest* target_;
  std::uint64_t start_;       ///< of the current piece
  std::uint64_t length_ = 0;  ///< of the current piece so far
  piece_hasher hasher_;
};

}  // namespace gantry::store
