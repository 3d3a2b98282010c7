#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/store.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Removes what is due and what is asked for. Waits for those who begin operations or write references, which takes moments.
task<result<clean_result>> clean(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, clean_options options);

}  // namespace gantry::jobs
