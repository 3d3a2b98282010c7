#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/extract.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Archive or directory to store: reads it, checks every digest and diff ID, records the names. Blobs that the archive lacks must be in the
/// store, or the error lists them. What was taken before a failure stays in the store.
task<result<extract_result>> extract(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                     std::shared_ptr<store::content_store> store, archive_input from, extract_options options);

}  // namespace gantry::jobs
