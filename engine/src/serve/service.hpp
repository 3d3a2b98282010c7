#pragma once

#include "base/failure.hpp"
#include "runtime/lanes.hpp"
#include "runtime/task.hpp"
#include "serve/upstream.hpp"
#include "store/content_store.hpp"
#include "transfer/operation.hpp"

#include <gantry/serve.hpp>

#include <memory>

namespace gantry::serve {

/// Serves \p store until \p running is stopped: reads certificate and users, listens, tells about it, answers. Succeeds when it was
/// stopped; a server ends in no other way once it listens.
/// \param above what the store does not have; null: nothing. Must outlive the returned task, as the lanes must
/// \returns errc::invalid_option when the address cannot be had or a file is not what it should be, and what reading them fails with
task<result<serve_result>> serve(runtime::executor where, runtime::lanes& workers, std::shared_ptr<transfer::operation> running,
                                 std::shared_ptr<store::content_store> store, upstream* above, serve_options options);

}  // namespace gantry::serve
