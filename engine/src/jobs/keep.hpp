#pragma once

#include "jobs/until_had.hpp"
#include "store/content_store.hpp"

#include <memory>
#include <set>

namespace gantry::jobs {

/// Begins to keep the blobs of the store from being removed; waits while somebody cleans up. To be had before the first look at a blob.
task<result<std::shared_ptr<store::lease>>> keep_all(transfer::context& shared, transfer::operation& running,
                                                     std::shared_ptr<store::content_store> store);

/// From now on only \p blobs are kept (lease::narrow).
task<> keep_only(transfer::context& shared, std::shared_ptr<store::lease> lease, std::set<digest> blobs);

/// Ends a lease off the strand. To be called on every way out once the lease was had.
task<> keep_no_longer(transfer::context& shared, std::shared_ptr<store::lease> lease);

}  // namespace gantry::jobs
