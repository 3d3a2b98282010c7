#pragma once

#include "base/failure.hpp"
#include "transfer/blob_job.hpp"
#include "transfer/context.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace gantry::transfer {

struct fetch_summary {
  std::size_t reused = 0;
  std::size_t layers_reused = 0;  ///< of these
  std::uint64_t bytes_reused = 0;
  std::uint64_t bytes_resumed = 0;
};

/// How a set of blobs is fetched, and who is told.
struct fetch_options {
  /// Blobs are begun and, as far as it goes, finished in the given order; else what is small first and then the largest.
  bool in_order = false;
  /// Awaited before a blob is begun, in the order of the blobs; false ends the wait because of a stop. None: all are begun at once.
  std::function<task<bool>(const descriptor&)> admit;
  /// A blob is complete in its target. Called on the strand.
  std::function<void(const descriptor&)> arrived;
};

/// Brings a set of distinct blobs into \p into over the engine's connections, in the order and the pieces that the planner finds. The
/// first failure that no retry mends stops the rest; what arrived stays.
task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::blob_target> into,
                                      std::vector<wanted_blob> blobs, fetch_options how);

/// The same in the order that is fastest.
inline task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::blob_target> into,
                                             std::vector<wanted_blob> blobs) {
  return fetch_all(shared, running, std::move(into), std::move(blobs), fetch_options());
}

}  // namespace gantry::transfer
