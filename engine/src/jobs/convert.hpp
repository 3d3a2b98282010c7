#pragma once

#include "base/failure.hpp"
#include "transfer/context.hpp"

#include <gantry/convert.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Archive or directory to archive, past the store and without a network. Plain inputs are read where they lie; others are inflated once
/// into an unnamed file beside the output. Every blob is hashed on its way.
task<result<convert_result>> convert(transfer::context& shared, std::shared_ptr<transfer::operation> running, archive_input from,
                                     convert_options options, bool sync);

}  // namespace gantry::jobs
