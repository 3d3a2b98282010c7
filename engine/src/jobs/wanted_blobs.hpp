#pragma once

#include "base/failure.hpp"
#include "jobs/resolve.hpp"
#include "transfer/blob_job.hpp"

#include <vector>

namespace gantry::jobs {

/// The distinct configs and layers of all images, in archive order. errc::malformed_document when two sizes are given for one digest.
result<std::vector<transfer::wanted_blob>> blobs_of(const std::vector<resolved_image>& images);

}  // namespace gantry::jobs
