#pragma once

#include "archive/finished_archives.hpp"
#include "archive/planned_file.hpp"
#include "store/blob_target.hpp"
#include "store/journal.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

namespace gantry::archive {

/// What identifies a layout: name, offset, size and content of every entry.
digest layout_digest(const layout& plan);

/// Blobs are written straight to their places inside an archive (DESIGN section 5, "Outputs"), and a journal beside the part makes that
/// resumable: its header names the layout, its offsets are those of the file. When the object goes before the archive is complete, part and
/// journal stay if anything was journalled, else both go; both go as well when a blob was wrong twice.
class in_place_target final : public store::blob_target, public std::enable_shared_from_this<in_place_target> {
 public:
  /// Takes over what an earlier run has journalled for the same layout; anything else in the part is dropped. Blocking.
  /// \param file made from output_file::resume
  /// \param others whoever claims a blob of theirs can have it copied, unless an earlier run has left some of it here; null: none
  static result<std::shared_ptr<in_place_target>> open(std::shared_ptr<planned_file> file, bool sync,
                                                       std::shared_ptr<finished_archives> others = nullptr);
  ~in_place_target() override;

  result<store::claim_attempt> claim(const descriptor& blob) override;
  result<std::unique_ptr<store::blob_part>> begin(const descriptor& blob, store::ingest_options options) override;

 private:
  class part;
  class copied_blob;
  in_place_target(std::shared_ptr<planned_file> file, bool sync, std::shared_ptr<finished_archives> others);
  result<void> open_journal();
  /// \returns null when \p blob has to be fetched
  std::unique_ptr<store::blob_copy> copy_from_others(const descriptor& blob);
  /// \p blob stands in its place now, verified, in \p pieces.
  result<void> take_over(const descriptor& blob, std::uint64_t base, const finished_archives::pieces& pieces);
  std::string journal_of(const std::vector<store::journal_record>& pieces) const;
  result<void> note(const store::journal_record& piece);
  /// Nothing of \p blob counts any more, in this run and in later ones.
  void forget(const descriptor& blob, std::uint64_t base) noexcept;
  /// The same for a blob that is complete and wrong.
  void refuse(const descriptor& blob, std::uint64_t base);

  std::shared_ptr<planned_file> file_;
  bool sync_;
  std::shared_ptr<finished_archives> others_;
  store::journal_codec codec_;
  std::mutex mutex_;                            ///< of all that follows: parts work concurrently
  std::vector<store::journal_record> claimed_;  ///< what the journal of an earlier run says
  runtime::file journal_;
  bool resumable_ = false;    ///< whether the journal has a record
  std::set<digest> refused_;  ///< blobs that were wrong
  bool given_up_ = false;     ///< one of them was wrong again: nothing is kept
};

/// Blobs go into the store and, by the same buffers, to their places in an archive: no second pass over them. What the store has of an
/// earlier run is copied when the blob is begun.
class teed_target final : public store::blob_target {
 public:
  teed_target(std::shared_ptr<store::blob_target> store, std::shared_ptr<planned_file> file, bool sync)
      : store_(std::move(store)), file_(std::move(file)), sync_(sync) {}

  result<store::claim_attempt> claim(const descriptor& blob) override { return store_->claim(blob); }
  result<std::unique_ptr<store::blob_part>> begin(const descriptor& blob, store::ingest_options options) override;
  result<void> sync_names() override { return store_->sync_names(); }

 private:
  class part;
  std::shared_ptr<store::blob_target> store_;
  std::shared_ptr<planned_file> file_;
  bool sync_;
};

}  // namespace gantry::archive
