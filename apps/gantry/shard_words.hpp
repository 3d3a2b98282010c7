#pragma once

#include "environment.hpp"
#include "outcome.hpp"

#include <gantry/sync.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace gantry::app {

/// A part of a list and who says so.
struct shard_choice {
  sync_shard shard;
  std::string origin;  ///< e.g. `JOB_COMPLETION_INDEX`; empty for the command line
};

/// `K/N`, 1 <= K <= N <= 10,000.
outcome<sync_shard> parse_shard(std::string_view text);

/// What Kubernetes (JOB_COMPLETION_INDEX, from 0, and JOB_COMPLETIONS, which the manifest has to set) or Slurm (SLURM_ARRAY_TASK_ID,
/// SLURM_ARRAY_TASK_COUNT, SLURM_ARRAY_TASK_MIN) say; nothing when neither runs this. A number without its count is an error: every part
/// would do the whole list.
outcome<std::optional<shard_choice>> shard_of_environment(const environment& variables);

}  // namespace gantry::app
