#pragma once

#include "base/failure.hpp"
#include "jobs/referrer_facts.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <vector>

namespace gantry::jobs {

using runtime::task;

/// The manifests of \p repository that refer to \p subject: all pages of the referrers API, or where there is none the index under the
/// tag that takes its place (distribution-spec, "Listing Referrers"). errc::limit_exceeded for a list that does not end.
/// \param whom registry::precedence::registry_alone where what is not listed is taken for not there
/// \param facts of the run, which spare what is known to be answered in vain; may be null
task<result<std::vector<descriptor>>> find_referrers(transfer::context& shared, transfer::operation& running, reference repository,
                                                     digest subject, registry::precedence whom, referrer_facts* facts = nullptr);

}  // namespace gantry::jobs
