#pragma once

#include "base/failure.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"
#include "store/ingest.hpp"
#include "transfer/blob_job.hpp"
#include "transfer/context.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace gantry::transfer {

/// Stores what one stream receives: written, journalled and, where the hash has come that far, hashed, while the next buffer is being
/// received. Used on the strand; shared, because what was received last may still be written when its stream has ended.
class segment_writer {
 public:
  using shared_buffer = std::shared_ptr<runtime::buffer_pool::buffer>;

  /// References must outlive the writer, for which \ref finish must be awaited.
  /// \param site of the job's sources, where the bytes come from
  segment_writer(context& shared, blob_job& job, std::size_t site)
      : shared_(shared), job_(job), site_(site), pieces_(std::make_shared<pieces>()), busy_(shared.executor) {
    pieces_->part = job.part();
    pieces_->keeps_records = job.sources().has_mirrors();
  }

  /// Starts to store \p parts of \p block, whose first byte stands at \p base in the blob, after the call before has ended. \p last: also
  /// journals everything. \returns the buffer of that call, free again and null the first time, or the failure of a write.
  task<result<shared_buffer>> store(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts, bool last);

  /// Waits for the last buffer of \p writer and journals what was written; on every way out, also after a failure.
  static task<result<void>> finish(std::shared_ptr<segment_writer> writer);

 private:
  /// What the files lane works on; one call at a time.
  struct pieces {
    std::shared_ptr<store::blob_part> part;
    std::optional<store::piece_writer> run;
    std::chrono::steady_clock::time_point begun;  ///< of what is not journalled yet
    bool keeps_records = false;                   ///< whether it may matter who sent what
    std::vector<store::journal_record> records;   ///< of what was journalled
    result<void> append(std::uint64_t offset, std::span<const std::byte> bytes, bool once);
    result<void> flush();
  };
  task<> step(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts, bool last);
  task<> write(shared_buffer block, std::uint64_t base, std::vector<byte_range> parts, bool hashed, bool last);

  context& shared_;
  blob_job& job_;
  std::size_t site_;
  std::shared_ptr<pieces> pieces_;
  runtime::task_group busy_;
  shared_buffer in_flight_;
  std::optional<failure> error_;
};

}  // namespace gantry::transfer
