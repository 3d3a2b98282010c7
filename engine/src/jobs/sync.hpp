#pragma once

#include "base/failure.hpp"
#include "jobs/mount_memory.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/sync.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// A list of images into registries: one HEAD of each source and one of each target tell what is unchanged; blobs that several images share
/// go into a registry once; what fails stops nothing else. errc::invalid_option for a list that contradicts itself, before anything is
/// asked or written.
/// \param store what a directory is written through; null for registries
/// \param kept what other runs left about uploads into registries; it may be nothing
/// \param sync whether what is written there is forced to disk
task<result<sync_result>> sync(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                               std::shared_ptr<store::content_store> store, upload_state kept, sync_list list, sync_options options,
                               bool sync);

/// Deletes tags in registries: by tag where a registry can, else by digest where nobody else needs it (see plan_prune).
task<result<prune_result>> prune(transfer::context& shared, std::shared_ptr<transfer::operation> running, std::vector<reference> tags,
                                 prune_options options);

}  // namespace gantry::jobs
