#pragma once

#include "base/failure.hpp"
#include "jobs/copy_run.hpp"
#include "transfer/context.hpp"

#include <gantry/copy.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// \p source to each of \p targets; with copy_options::all_tags every tag of its repository to the same tag there.
/// \param cache see copy_options::cache; null without it
/// \param kept what other runs left about uploads; it may be nothing
task<result<copy_result>> copy(transfer::context& shared, std::shared_ptr<transfer::operation> running, upload_state kept,
                               std::shared_ptr<store::content_store> cache, reference source, std::vector<reference> targets,
                               copy_options options);

}  // namespace gantry::jobs
