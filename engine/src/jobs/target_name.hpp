#pragma once

#include "base/failure.hpp"
#include "runtime/stop.hpp"
#include "runtime/task.hpp"
#include "transfer/context.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <optional>

namespace gantry::jobs {

using runtime::task;

/// Whether \p why says that the registry refuses the account, and not at \p where alone.
bool refuses_account(const transfer::context& shared, const reference& where, const failure& why);

/// What \p target names now, by one HEAD and one try; empty also when nobody tells.
task<result<digest>> named_now(transfer::context& shared, reference target, runtime::stop_source& stop);
/// Whether that is \p top, which is not empty; tries again. \param tried how the first try, made elsewhere, has failed
task<result<bool>> names_already(transfer::context& shared, transfer::operation& running, reference target, digest top,
                                 std::optional<failure> tried = std::nullopt);

}  // namespace gantry::jobs
