#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <gantry/descriptor.hpp>

#include <cstddef>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// The verified bytes of a small blob.
/// \param what the blob in messages, e.g. "the manifest of nginx:1.25"
/// \returns errc::not_found, errc::size_mismatch, errc::digest_mismatch, errc::limit_exceeded above \p cap bytes
result<std::string> read_blob(model::blob_source& from, const descriptor& blob, std::size_t cap, std::string_view what);

/// Reads what lies under \p top out of \p blobs: every index and manifest, verified; configs of images whose platform no index names.
/// Layers are not looked at. Manifests of an index that are not there are left out, and so are the index documents then.
///
/// \param names what the image will be called, copied into the result
/// \param wanted when not empty, the manifests of an index that count; others are left out like missing ones
/// \returns errc::not_found when nothing of the image is there, errc::malformed_document, errc::unsupported_document, errc::limit_exceeded
/// (DESIGN section 6), errc::digest_mismatch
result<archived_image> read_image(model::blob_source& blobs, descriptor top, std::vector<reference> names,
                                  const std::set<digest>& wanted = {});

}  // namespace gantry::archive
