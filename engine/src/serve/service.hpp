#pragma once

#include "base/failure.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"
#include "transfer/operation.hpp"

#include <gantry/serve.hpp>

#include <memory>

namespace gantry::serve {

using runtime::task;

/// Serves \p store until \p running is stopped: reads certificate and users, listens, tells about it, answers. Succeeds when it was
/// stopped; a server ends in no other way once it listens.
/// \param shared must outlive the returned task
/// \returns errc::invalid_option when the address cannot be had or a file is not what it should be, and what reading them fails with
task<result<serve_result>> serve(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, serve_options options);

}  // namespace gantry::serve
