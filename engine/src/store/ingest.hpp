#pragma once

#include "base/failure.hpp"
#include "runtime/file.hpp"
#include "store/blob_target.hpp"
#include "store/byte_ranges.hpp"
#include "store/journal.hpp"
#include "store/paths.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace gantry::store {

/// A blob on its way into the store: data file and journal (DESIGN section 4). Made by content_store::begin. A shared one that is abandoned
/// stays on disk and is resumed by the next begin().
class ingest final : public blob_part {
 public:
  ~ingest() override;

  const descriptor& blob() const noexcept override { return blob_; }
  const byte_ranges& held() const noexcept override { return held_; }

  result<void> write(std::uint64_t offset, std::span<const std::byte> bytes) override;
  result<void> write_once(std::uint64_t offset, std::span<const std::byte> bytes) override;
  result<void> record(const journal_record& piece) override;
  result<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> into) const override;
  /// Does nothing for a store that does not sync.
  void start_writeback(std::uint64_t offset, std::uint64_t length) const noexcept override;

  /// Makes the blob part of the store. Wrong digest or size: data and journal are removed. A failed fdatasync: the same with
  /// errc::storage_error or no_space.
  result<void> commit(const digest& computed) override;
  result<void> commit_content(const digest& computed) override;
  /// Removes data and journal.
  void discard() noexcept override;

 private:
  friend class content_store;
  struct places {
    paths store;
    std::filesystem::path directory;  ///< of data and journal
    std::filesystem::path target;     ///< final name of the blob
    bool sync = true;
    std::uint64_t journal_from = 0;  ///< smaller blobs have no journal: what arrived of them is not worth its cost
  };
  ingest(descriptor blob, places where, ingest_place place);
  static result<std::unique_ptr<ingest>> begin(descriptor blob, places where, const ingest_options& options);
  result<void> open_files(const std::atomic<bool>* stop);
  result<void> check_range(std::uint64_t offset, std::uint64_t length) const;
  result<void> publish();
  failure inside_store(const failure& error) const;

  descriptor blob_;
  places where_;
  ingest_place place_;
  bool read_again_ = true;
  bool finished_ = false;
  std::atomic<bool> resumable_ = false;  ///< whether the journal has a record

  journal_codec codec_;
  runtime::file data_;
  runtime::file journal_;
  byte_ranges held_;
};

/// Writes one contiguous run of bytes: pwrite, hash of the current piece, one journal record (and the start of writeback) each
/// journal_piece_bytes and at flush(). Abandon it after a failure. One thread at a time; several writers may work on one part, which must
/// outlive them.
class piece_writer {
 public:
  /// \param copies when given, what is journalled is noted there too; must outlive the writer
  piece_writer(blob_part& target, std::uint64_t offset, std::vector<journal_record>* copies = nullptr);

  /// \param once nobody needs the bytes from memory again, see blob_part::write_once
  result<void> append(std::span<const std::byte> bytes, bool once = false);
  /// Journals what was appended since the last record and starts its writeback. Not done by the destructor: without it a later run fetches
  /// those bytes again.
  result<void> flush();
  /// Offset in the blob of the next byte.
  std::uint64_t position() const noexcept { return start_ + length_; }

 private:
  blob_part* target_;
  std::vector<journal_record>* copies_;
  std::uint64_t start_;       ///< of the current piece
  std::uint64_t length_ = 0;  ///< of the current piece so far
  piece_hasher hasher_;
};

}  // namespace gantry::store
