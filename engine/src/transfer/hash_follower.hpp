#pragma once

#include "base/failure.hpp"
#include "model/digester.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "store/blob_target.hpp"
#include "transfer/hash_scheduler.hpp"

#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace gantry::transfer {

using runtime::task;

/// The hash of a blob, following the contiguous prefix: from the receive buffer where bytes arrive in order, from the page cache where they
/// did not (PERFORMANCE, "hash behind a frontier"). Used on the strand; one call at a time, see \ref busy.
class hash_follower {
 public:
  hash_follower(hash_scheduler& hashes, runtime::buffer_pool& buffers, digest_algorithm algorithm)
      : hashes_(hashes), buffers_(buffers), digester_(std::make_shared<model::digester>(algorithm)) {}

  /// Offset of the next byte to be hashed.
  std::uint64_t position() const noexcept { return position_; }
  /// Whether a call is under way; another must not be made.
  bool busy() const noexcept { return busy_; }

  /// Hashes \p bytes, one after the other, which stand at \ref position. \p owner keeps them alive.
  task<> take(std::vector<std::span<const std::byte>> bytes, std::shared_ptr<const void> owner);

  /// Reads back and hashes what lies between \ref position and \p end, which has been written. \returns errc::cancelled, or the failure of
  /// a read.
  task<result<void>> advance(std::shared_ptr<store::blob_part> from, std::uint64_t end, runtime::stop_source& stop);

  /// The digest of everything taken; the object must not be used afterwards.
  digest finish() { return digester_->finish(); }

 private:
  hash_scheduler& hashes_;
  runtime::buffer_pool& buffers_;
  std::shared_ptr<model::digester> digester_;
  std::uint64_t position_ = 0;
  bool busy_ = false;
};

}  // namespace gantry::transfer
