#pragma once

#include "base/failure.hpp"
#include "registry/registry_client.hpp"

#include <gantry/explain.hpp>
#include <gantry/options.hpp>

namespace gantry::jobs {

using runtime::task;

/// What the engine would do for an image: asks the credential source, sends nothing. \param jobs connections that \p options come to
task<result<explanation>> explain(registry::registry_client& registry, const engine_options& options, unsigned jobs, reference image,
                                  runtime::stop_source& stop);

}  // namespace gantry::jobs
