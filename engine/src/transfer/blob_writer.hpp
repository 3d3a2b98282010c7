#pragma once

#include "base/failure.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/task.hpp"
#include "runtime/task_group.hpp"
#include "store/ingest.hpp"
#include "transfer/context.hpp"
#include "transfer/hash_cursor.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

namespace gantry::transfer {

/// Takes the bytes of one run of a blob as they arrive: written, journalled and, when the hash has come that far, hashed, while the next
/// buffer is being received. Used on the strand.
class blob_writer {
 public:
  using shared_buffer = std::shared_ptr<runtime::buffer_pool::buffer>;

  /// \param offset where the run starts. \p cursor must outlive the writer.
  blob_writer(context& shared, std::shared_ptr<store::ingest> target, hash_cursor& cursor, std::uint64_t offset);

  /// Starts to store the first \p length bytes of \p block and waits for the call before. \returns that buffer, free again, or the failure
  /// of its write.
  task<result<shared_buffer>> store(shared_buffer block, std::size_t length);

  /// Waits for the last buffer and journals what was written; called on every way out, also after a failure.
  task<result<void>> finish();

  /// Offset of the next byte to be stored.
  std::uint64_t position() const noexcept { return position_; }

 private:
  task<> step(shared_buffer block, std::size_t length);
  task<> write(shared_buffer block, std::size_t length);

  context& shared_;
  std::shared_ptr<store::ingest> target_;
  std::shared_ptr<store::piece_writer> pieces_;
  hash_cursor& cursor_;
  std::uint64_t position_;
  runtime::task_group busy_;
  shared_buffer in_flight_;
  std::optional<failure> error_;
};

}  // namespace gantry::transfer
