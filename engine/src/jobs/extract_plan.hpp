#pragma once

#include "archive/image_source.hpp"
#include "base/failure.hpp"
#include "store/content_store.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/events.hpp>
#include <gantry/pull.hpp>
#include <gantry/reference.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gantry::jobs {

/// One blob that images of a source consist of.
struct extracted_blob {
  descriptor blob;
  blob_role role = blob_role::layer;
  digest diff_id;       ///< of a layer, as the config has it; empty when nothing says
  bool held = false;    ///< the store has it
  bool taken = false;   ///< since the source was opened, so that its content was not checked before
  bool absent = false;  ///< a foreign layer that neither the source nor the store has: it stays out
};

/// `sha256:... (3.0 kB), ... and 2 more`
std::string list_blobs(const std::vector<descriptor>& blobs);

/// The distinct blobs of \p images, children before those that name them. Reads configs. Blocking.
/// \param store what it has counts as held; may be null
/// \param source_label name of \p source in messages
/// \returns errc::not_found with a list of all blobs that are missing, but for foreign layers when there is a store,
/// errc::malformed_document for layers that do not fit their config or have two sizes
result<std::vector<extracted_blob>> plan_blobs(archive::image_source& source, const std::vector<archive::archived_image>& images,
                                               const store::content_store* store, const std::string& source_label);

/// What blobs come to.
struct blob_sums {
  transfer_planned plan;
  std::size_t layers = 0;
  std::size_t layers_held = 0;  ///< of these, in the store before
};

/// The configurations and layers among \p blobs: documents are in no plan, and what is absent is left out.
blob_sums sums_of(const std::vector<extracted_blob>& blobs);

/// Adds what a result says about \p image under \p name: an element for each platform.
void append_described(std::vector<pulled_image>& list, const reference& name, const archive::archived_image& image);

/// Moves one blob into \p store, hashed on the way, and inflated where it has a diff ID to be checked; of one that was taken already, only
/// the diff ID is checked. Blocking. \param progress called with the bytes so far \returns errc::digest_mismatch, errc::size_mismatch,
/// errc::malformed_document, errc::cancelled, and what the store fails with
result<void> take_blob(archive::image_source& source, const extracted_blob& what, const store::content_store& store,
                       const std::function<void(std::uint64_t)>& progress, const std::atomic<bool>& stop);

}  // namespace gantry::jobs
