#pragma once

#include "base/failure.hpp"
#include "jobs/resolve.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/pull.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

/// Registry to store, and to an archive when one is asked for: resolve, plan, fetch, record, export. Everything that is fetched stays in
/// the store, whatever happens after. Without a store blobs go straight into the archive.
/// \param store null: nothing is read from or written to a store
task<result<pull_result>> pull(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, std::vector<reference> images, pull_options options, bool sync);

}  // namespace gantry::jobs
