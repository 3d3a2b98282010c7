#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/byte_ranges.hpp"
#include "store/journal.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

namespace gantry::store {

/// A blob on its way to where it will stay: the store's partial file, its place inside an archive, a temporary file (DESIGN section 3, "the
/// target of a segment"). Offsets are those of the blob.
///
/// write(), record(), read_at() and start_writeback() may run concurrently on several threads, for disjoint ranges; commit() and discard()
/// only when nothing else runs on this part. Destroying it without commit() abandons the blob; what can be resumed later is kept.
class blob_part {
 public:
  virtual ~blob_part() = default;
  blob_part(const blob_part&) = delete;
  blob_part& operator=(const blob_part&) = delete;

  virtual const descriptor& blob() const noexcept = 0;
  /// Bytes of an earlier run that are on disk as their journal says; found by begin(), not updated later.
  virtual const byte_ranges& held() const noexcept = 0;

  /// Writes at \p offset of the blob. Nothing is journalled: use \ref piece_writer. Fails with errc::size_mismatch beyond the blob's size.
  virtual result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  /// The same for bytes that the caller has no more use for: they may leave memory as soon as they are on disk.
  virtual result<void> write_once(std::uint64_t offset, std::span<const std::byte> bytes) { return write(offset, bytes); }
  /// Notes that a piece was written whose bytes hash to \p piece.checksum. Length from 1 to journal_piece_bytes.
  virtual result<void> record(const journal_record& piece) = 0;
  /// Reads what was written. \returns the bytes read, fewer than asked only at the end of the file.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const = 0;
  /// Begins to write the range to disk, so that what waits for it later waits little. Best effort.
  virtual void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept = 0;

  /// The blob is complete. \p computed is what the caller hashed: exactly the bytes given to write() and those of held(). Every write must
  /// have returned. Wrong digest or size: what was written is given up, errc::digest_mismatch or errc::size_mismatch. After success or
  /// failure only the destructor may be called.
  virtual result<void> commit(const digest& computed) = 0;
  /// The same for those who commit many: the blob's name is durable only after blob_target::sync_names().
  virtual result<void> commit_content(const digest& computed) { return commit(computed); }
  /// Gives up what was written.
  virtual void discard() noexcept = 0;

 protected:
  blob_part() = default;
};

/// Whose partial file a part works on.
enum class ingest_place {
  shared,  ///< `ingest/<algorithm>-<hex>`: kept for a later run; only for the holder of the digest lock
  own      ///< `ingest/<algorithm>-<hex>.<random>`: for those who could not have the lock; gone with the object
};

struct ingest_options {
  ingest_place place = ingest_place::shared;
  /// Whether the blob is read again soon after its commit, so that it should stay in memory.
  bool read_again = true;
  /// Looked at between the reads that check what an earlier run left; true ends begin() with errc::cancelled. Must outlive begin(). None:
  /// not stoppable.
  const std::atomic<bool>* stop = nullptr;
};

/// Held by the one who fetches a blob; made by blob_target::claim. Release it after the part is destroyed, which still tidies up. See
/// runtime::file_lock.
using digest_lock = runtime::file_lock;

/// A blob that a target has found in another place, on the way from there. Blocking, used on one worker at a time; keeps alive what it
/// refers to.
class blob_copy {
 public:
  virtual ~blob_copy() = default;
  blob_copy(const blob_copy&) = delete;
  blob_copy& operator=(const blob_copy&) = delete;

  /// Copies some MiB more. \returns the bytes copied so far, with the last of them the blob is complete and verified; nothing when it
  /// cannot be had there: then what was copied does not count. Errors are those of writing. Not to be called again after either, nor after
  /// the end.
  virtual result<std::optional<std::uint64_t>> advance() = 0;

 protected:
  blob_copy() = default;
};

/// One look at a blob and its lock.
struct claim_attempt {
  bool held = false;  ///< the blob is complete
  /// Not null: it need not be fetched. Whoever claimed it may have it copied, and begins it only if that comes to nothing.
  std::unique_ptr<blob_copy> copy;
  /// The caller fetches it. One that is not held() means that there are no locks here: use ingest_place::own.
  std::optional<digest_lock> lock;
  std::int64_t growth = 0;  ///< changes whenever the part of whoever has the lock grows, when somebody else has it
};

/// Where the blobs of an operation go. Blocking, used on worker lanes; all members may be called from several threads at once.
class blob_target {
 public:
  virtual ~blob_target() = default;

  /// Tries to become the one who fetches \p blob. Never waits.
  virtual result<claim_attempt> claim(const descriptor& blob) = 0;
  /// Starts or resumes a blob that was claimed, and checks every journalled piece against the disk. A torn, damaged or foreign journal
  /// costs bytes, it is no error.
  virtual result<std::unique_ptr<blob_part>> begin(const descriptor& blob, ingest_options options) = 0;
  /// Makes durable the names that blob_part::commit_content() has given.
  virtual result<void> sync_names() { return {}; }
};

}  // namespace gantry::store
