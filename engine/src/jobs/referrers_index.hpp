#pragma once

#include "base/failure.hpp"
#include "jobs/upload_ledger.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

namespace gantry::jobs {

using runtime::task;

/// Puts \p entry into the list of referrers of \p subject that a registry without the referrers API keeps under a tag (distribution-spec,
/// "Referrers Tag Schema"). What others have written there stays; after writing it is read again, since another may have written at the
/// same time.
task<result<void>> list_as_referrer(transfer::context& shared, transfer::operation& running, upload_ledger& ledger, reference repository,
                                    digest subject, descriptor entry);

}  // namespace gantry::jobs
