#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "jobs/layer_facts.hpp"
#include "runtime/task.hpp"
#include "store/content_store.hpp"
#include "transfer/context.hpp"

#include <memory>
#include <vector>

namespace gantry::jobs {

/// Plans an archive of the format `synology` from images that are in the store: reads their configurations and learns what their layers
/// inflate to. Errors as archive::plan_synology and learn_layers.
runtime::task<result<archive::layout>> plan_legacy(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                   std::shared_ptr<store::content_store> store,
                                                   std::vector<archive::archived_image> images);

}  // namespace gantry::jobs
