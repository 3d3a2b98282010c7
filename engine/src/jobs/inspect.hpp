#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/inspect.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Reads the documents of an image, not its layers. They stay in the store, where an operation that follows finds them.
task<result<inspect_result>> inspect(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                     std::shared_ptr<store::content_store> store, reference image, inspect_options options);

}  // namespace gantry::jobs
