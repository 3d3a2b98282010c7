#pragma once

#include "runtime/stop.hpp"
#include "runtime/task.hpp"

#include <cstddef>
#include <functional>

namespace gantry::jobs {

using runtime::task;

/// Awaits \p work(0) to \p work(count - 1), begun in that order, \p most of them at a time. After a stop none is begun. How many requests
/// are under way is for the engine's permits to say; \p most bounds what waits for them.
/// \param work lives until all have ended, so that a closure that is a coroutine itself may be given; what it gives tells by what it
/// writes, and its exceptions are rethrown
task<> side_by_side(runtime::executor where, std::size_t most, std::size_t count, std::function<task<>(std::size_t)> work,
                    runtime::stop_source& stop);

}  // namespace gantry::jobs
