#pragma once

#include "base/failure.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "store/reference_record.hpp"
#include "transfer/context.hpp"

#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// Puts \p records into the store and writes its index.json anew; waits while somebody else does the same. All blobs of the records must be
/// there.
task<result<void>> record(transfer::context& shared, transfer::operation& running, std::shared_ptr<store::content_store> store,
                          std::vector<store::reference_record> records);

}  // namespace gantry::jobs
