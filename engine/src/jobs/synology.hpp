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

/// The layers of an image that fits into an archive of the format `synology`, with what its configuration, which is held, says of them.
/// Blocking. Errors as archive::check_synology and archive::parsed_config.
result<std::vector<layer_claim>> claims_of(store::content_store& store, const archive::archived_image& image);

/// Plans an archive of the format `synology` from images that are in the store: reads their configurations and learns what their layers
/// inflate to. Errors as archive::plan_synology and learn_layers.
/// \param known what this run has learnt of some layers already
runtime::task<result<archive::layout>> plan_legacy(transfer::context& shared, std::shared_ptr<transfer::operation> running,
                                                   std::shared_ptr<store::content_store> store, std::vector<archive::archived_image> images,
                                                   layer_facts known = {});

}  // namespace gantry::jobs
