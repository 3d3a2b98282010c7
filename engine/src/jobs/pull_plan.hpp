#pragma once

#include "base/failure.hpp"
#include "jobs/resolve.hpp"
#include "store/content_store.hpp"
#include "store/document_store.hpp"
#include "transfer/blob_job.hpp"

#include <gantry/digest.hpp>
#include <gantry/events.hpp>

#include <cstddef>
#include <set>
#include <vector>

namespace gantry::jobs {

/// What of the blobs of a pull is there, and what has to be fetched.
struct pull_plan {
  std::vector<transfer::wanted_blob> missing;
  std::vector<transfer::wanted_blob> held;
  transfer_planned summary;  ///< what is held counts there only when an earlier run brought it
  std::size_t layers = 0;
  std::size_t layers_held = 0;  ///< the same
};

/// Tells what is held of \p wanted, and adds to \p store what descriptors carry inline. \p fetched is there, but not from an earlier run.
/// Blocking. Fails as the store does, and with what is wrong about inline content.
result<pull_plan> plan_pull(const store::document_store& store, const std::vector<transfer::wanted_blob>& wanted,
                            const std::set<digest>& fetched);

/// Why nothing comes of it offline: the store lacks \p missing, which is not empty, although it has the manifests. errc::not_found
failure not_held(const std::vector<transfer::wanted_blob>& missing);

/// All that the images consist of.
std::set<digest> digests_of(const std::vector<resolved_image>& images);

/// The images all of whose blobs are in the store: those that the receiver has need not be, nor those that lie \p beside it. Blocking.
std::vector<resolved_image> held_completely(const std::vector<resolved_image>& images, const std::set<digest>& have, bool beside,
                                            const store::content_store& store);

}  // namespace gantry::jobs
