#pragma once

#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/operation.hpp"

#include <gantry/descriptor.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

/// After content out of the store turned out to be damaged: hashes \p blobs anew, as far as the store has them, and moves what does not
/// hash to its name to quarantine (DESIGN section 4: a bad blob is never served), so that the next pull fetches it.
/// \returns \p why, which then says so
runtime::task<failure> set_damaged_aside(transfer::context& shared, transfer::operation& running,
                                         std::shared_ptr<store::content_store> store, std::vector<descriptor> blobs, failure why);

}  // namespace gantry::jobs
