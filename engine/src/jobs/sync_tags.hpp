#pragma once

#include "base/failure.hpp"
#include "jobs/sync_plan.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/sync.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// What of \p list is looked at in this run: its part, the tags that its filters admit. Registries are asked for tags alone.
/// errc::invalid_option for a list that contradicts itself. \p list must outlive the plan.
task<result<sync_plan>> plan_list(transfer::context& shared, std::shared_ptr<transfer::operation> running, const sync_list& list,
                                  const sync_options& options);

}  // namespace gantry::jobs
