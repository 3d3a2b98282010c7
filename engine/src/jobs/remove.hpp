#pragma once

#include "base/failure.hpp"
#include "jobs/upload_ledger.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/lookup.hpp>
#include <gantry/reference.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Deletes a tag, or by digest a manifest with all its tags. Where the registry has no referrers API, a manifest that goes is taken off the
/// list of what refers to its subject; a list that cannot be changed is warned of.
/// \param ledger shared by all that change such lists at once, so that none loses what another took off; null: nobody else does
task<result<delete_result>> remove_reference(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference image,
                                             std::shared_ptr<upload_ledger> ledger = nullptr);

}  // namespace gantry::jobs
