#pragma once

#include "jobs/delivery.hpp"
#include "jobs/resolve.hpp"

#include <gantry/layer_sink.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

/// Hands the layers of \p images to \p to, each once.
std::unique_ptr<blob_taker> make_layer_taker(layer_stream to, const std::vector<resolved_image>& images);

}  // namespace gantry::jobs
