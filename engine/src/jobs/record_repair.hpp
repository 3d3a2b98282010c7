#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/reference.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Asks the registry of \p name, whose record cannot be read, what it stands for, and records again what the store has of that. A name that
/// has moved meanwhile is not recorded: what it means now is for a pull. Fetches no blob. \returns whether it is recorded; errors are those
/// of the registry and of the store, errc::cancelled when \p running was stopped
task<result<bool>> repair_record(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, reference name);

}  // namespace gantry::jobs
