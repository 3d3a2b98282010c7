#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/store.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Hashes every blob again, several at a time, puts what is damaged into quarantine, and fetches it again when asked. Events as of a
/// transfer: what is planned, what each blob has come to.
task<result<verify_result>> verify(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                   std::shared_ptr<store::content_store> store, verify_options options);

}  // namespace gantry::jobs
