#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/store.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// All that the store knows, read from its documents.
task<result<list_result>> list(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store);

/// How much lies in a store. Blocking.
result<store_usage> usage_of(const store::content_store& store);

}  // namespace gantry::jobs
