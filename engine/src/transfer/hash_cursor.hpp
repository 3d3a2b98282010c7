#pragma once

#include "base/failure.hpp"
#include "model/digester.hpp"
#include "runtime/buffer_pool.hpp"
#include "runtime/lanes.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "store/ingest.hpp"

#include <gantry/digest.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace gantry::transfer {

using runtime::task;

/// The hash of a blob as far as its contiguous prefix is known. Bytes come from the receive buffer when they arrive in order, and from the
/// page cache when they did not (PERFORMANCE, "hash behind a frontier"). One call at a time.
class hash_cursor {
 public:
  hash_cursor(runtime::lanes& workers, digest_algorithm algorithm)
      : workers_(workers), digester_(std::make_shared<model::digester>(algorithm)) {}

  /// Offset of the next byte to be hashed.
  std::uint64_t position() const noexcept { return position_; }

  /// Hashes \p bytes, which stand at \ref position. \p owner keeps them alive.
  task<> take(std::span<const std::byte> bytes, std::shared_ptr<const void> owner);

  /// Reads back and hashes what lies between \ref position and \p end. \returns errc::cancelled, or the failure of the read.
  task<result<void>> catch_up(std::shared_ptr<store::ingest> from, std::uint64_t end, runtime::buffer_pool& buffers,
                              runtime::stop_source& stop);

  /// The digest of everything taken; the cursor must not be used afterwards.
  digest finish() { return digester_->finish(); }

 private:
  runtime::lanes& workers_;
  std::shared_ptr<model::digester> digester_;
  std::uint64_t position_ = 0;
};

}  // namespace gantry::transfer
