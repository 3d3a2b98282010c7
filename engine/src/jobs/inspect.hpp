#pragma once

#include "base/failure.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <gantry/inspect.hpp>

#include <memory>

namespace gantry::jobs {

using runtime::task;

/// Reads the documents of an image, not its layers. They stay in the store, where an operation that follows finds them.
task<result<inspect_result>> inspect(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                     std::shared_ptr<store::content_store> store, reference image, inspect_options options);

/// The same for what an archive or a directory holds, past store and network. errc::not_found when nothing there has the name that is
/// asked for, and what archive::open_image_source fails with.
task<result<inspect_files_result>> inspect_files(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                 archive_input from, inspect_options options);

/// Bytes of config and layers, duplicates once.
std::uint64_t content_size(const descriptor& config, const std::vector<descriptor>& layers);

}  // namespace gantry::jobs
