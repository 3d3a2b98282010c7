#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/push.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// An archive, a directory or the store to a registry: blobs that the registry lacks, then manifests, children before parents, the names
/// last.
/// \param store asked for images that are named, and for where else their blobs are known to be
task<result<push_result>> push(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, push_source source, push_target target, push_options options);

}  // namespace gantry::jobs
