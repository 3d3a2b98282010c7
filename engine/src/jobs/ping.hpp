#pragma once

#include "base/failure.hpp"
#include "transfer/context.hpp"

#include <gantry/explain.hpp>

#include <memory>
#include <string>

namespace gantry::jobs {

using runtime::task;

/// Asks the base of a registry's API until it answers. errc::invalid_reference when \p registry is no host.
task<result<ping_result>> ping(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::string registry);

}  // namespace gantry::jobs
