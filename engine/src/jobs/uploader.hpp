#pragma once

#include "base/failure.hpp"
#include "jobs/push_plan.hpp"
#include "jobs/upload_feed.hpp"
#include "jobs/upload_ledger.hpp"
#include "jobs/upload_settings.hpp"
#include "transfer/context.hpp"

#include <gantry/push.hpp>

#include <memory>
#include <vector>

namespace gantry::jobs {

using runtime::task;

/// What one plan came to.
struct upload_outcome {
  std::vector<pushed_image> images;
  std::vector<push_failure> failed;  ///< only of plans of several images
  upload_counts counts;
};

void add_counts(upload_counts& sum, const upload_counts& more);

/// Carries out \p plan: blobs that the registries lack, then manifests, children before parents, the names last. What fails of one image
/// stops no other; a blob fails those of its repository. The failure of a plan's only image is that of the plan, and so is one that is no
/// image's own (the registry is silent, or refuses the account) when it left nothing. \p shared, \p running and \p ledger must outlive
/// the task.
task<result<upload_outcome>> upload(transfer::context& shared, transfer::operation& running, upload_ledger& ledger,
                                    std::shared_ptr<upload_feed> feed, upload_settings settings, push_plan plan);

}  // namespace gantry::jobs
