#pragma once

#include "base/failure.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/signal.hpp"
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
#include <span>
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

  /// Stores \p parts of \p buffer, whose first byte stands at \p base in the blob, after those of the calls before; waits while too many
  /// are stored. \p last: also journals everything. \returns a buffer of an earlier call that is free again, null while none is, or the
  /// failure of a write.
  task<result<shared_buffer>> store(shared_buffer buffer, std::uint64_t base, std::vector<byte_range> parts, bool last);

  /// A buffer of an earlier \ref store, of which there was one, as soon as one is free; or the failure of a write.
  task<result<shared_buffer>> reclaim();

  /// Waits for all buffers of \p writer and journals what was written; on every way out, also after a failure.
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
  struct block {
    shared_buffer buffer;
    std::uint64_t base = 0;
    std::vector<byte_range> parts;
    bool last = false;
    bool hashed = false;
    std::span<const std::byte> bytes_of(const byte_range& part) const { return buffer->bytes().subspan(part.offset - base, part.length); }
  };
  using blocks = std::vector<block>;

  /// Stores what waits, all of it at a time, until nothing does.
  task<> work();
  /// Hashes what continues the hash, and marks it.
  void hash(blocks& some, runtime::task_group& beside);
  task<> write(std::shared_ptr<const blocks> some);
  shared_buffer take_free();

  context& shared_;
  blob_job& job_;
  std::size_t site_;
  std::shared_ptr<pieces> pieces_;
  runtime::task_group busy_;
  blocks waiting_;
  std::vector<shared_buffer> free_;  ///< of blocks that are stored
  runtime::signal changed_;          ///< one of these two, or an error
  bool working_ = false;
  std::optional<failure> error_;
};

}  // namespace gantry::transfer
