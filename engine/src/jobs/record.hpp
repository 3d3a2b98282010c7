#pragma once

#include "base/failure.hpp"
#include "jobs/resolve.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "store/reference_record.hpp"
#include "transfer/context.hpp"

#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// What the store notes of \p images once it has all of them.
std::vector<store::reference_record> records_of(const std::vector<resolved_image>& images);

/// Puts \p records into the store and writes its index.json anew; waits while somebody else does the same. All blobs of the records must be
/// there.
task<result<void>> record(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                          std::vector<store::reference_record> records);

}  // namespace gantry::jobs
