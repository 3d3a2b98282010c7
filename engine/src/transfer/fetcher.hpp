#pragma once

#include "base/failure.hpp"
#include "transfer/blob_job.hpp"
#include "transfer/context.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace gantry::transfer {

struct fetch_summary {
  std::size_t reused = 0;
  std::size_t layers_reused = 0;  ///< of these
  std::uint64_t bytes_reused = 0;
  std::uint64_t bytes_resumed = 0;
};

/// Brings a set of distinct blobs into \p into over the engine's connections, in the order and the pieces that the planner finds. The
/// first failure that no retry mends stops the rest; what arrived stays.
task<result<fetch_summary>> fetch_all(context& shared, operation& running, std::shared_ptr<store::blob_target> into,
                                      std::vector<wanted_blob> blobs);

}  // namespace gantry::transfer
