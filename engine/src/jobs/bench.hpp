#pragma once

#include "base/failure.hpp"
#include "transfer/context.hpp"

#include <gantry/bench.hpp>

#include <memory>

namespace gantry::jobs {

/// Fetches one image again and again with different numbers of connections, and keeps nothing of it. A number that fails is reported in its
/// run; only what concerns the image as a whole, and a stop, fail the operation.
runtime::task<result<bench_result>> bench(transfer::context& shared, std::shared_ptr<transfer::operation> running, reference image,
                                          bench_options options);

}  // namespace gantry::jobs
