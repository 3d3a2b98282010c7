#pragma once

#include "transfer/context.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gantry::jobs {

/// For calls on worker lanes: a sentence of what an operation waits for, told through the strand.
std::function<void(const std::string&)> tell_waiting(transfer::context& shared, std::shared_ptr<transfer::operation> running);

}  // namespace gantry::jobs
