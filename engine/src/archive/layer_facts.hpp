#pragma once

#include "base/failure.hpp"
#include "model/blob_source.hpp"
#include "store/blob_meta.hpp"

#include <gantry/descriptor.hpp>

#include <atomic>

namespace gantry::archive {

/// Inflates a layer once, to its end, and says what it comes to. Blocking and long: for a worker lane.
///
/// \param layer open as \p blob
/// \param diff_id what the image's configuration says the layer inflates to
/// \returns errc::digest_mismatch when it does not, errc::malformed_document, errc::limit_exceeded, errc::cancelled once \p stop is set
result<store::blob_meta> inspect_layer(model::blob_reader& blob, const descriptor& layer, const digest& diff_id,
                                       const std::atomic<bool>& stop);

/// A layer whose content is not what the configuration says.
failure wrong_diff_id(const descriptor& layer, const digest& expected, const digest& found);

}  // namespace gantry::archive
