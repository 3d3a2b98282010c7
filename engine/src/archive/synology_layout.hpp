#pragma once

#include "archive/layout.hpp"
#include "model/image_config.hpp"
#include "store/blob_meta.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// What planning needs to know of the content of images beyond their manifests.
struct image_contents {
  /// The bytes of a config, verified.
  std::function<result<std::string>(const descriptor& config)> config;
  /// What a layer inflates to, which is \p diff_id; see inspect_layer.
  std::function<result<store::blob_meta>(const descriptor& layer, const digest& diff_id)> facts;
};

/// What can be said about an archive of the format `synology` before anything is fetched. \returns the manifest that is taken of each
/// image; errc::not_an_image, errc::invalid_option when an image has several platforms
result<std::vector<const archived_manifest*>> check_synology(std::span<const archived_image> images);

/// Plans the format `synology` (DESIGN section 5), what docker before 25 wrote: for each image `<config hex>.json` and, for each of its
/// layers, `<layer id>/`, VERSION, json and the uncompressed layer.tar; then manifest.json and repositories. Layers that images have in
/// common with all those below stand once, others are repeated. Attestations are left out.
/// \returns what \ref check_synology and \p contents return; errc::malformed_document when config and manifest differ in their layers
result<layout> plan_synology(std::span<const archived_image> images, const image_contents& contents);

/// The configuration of \p held, with as many diff IDs as there are layers. \param image its name in errors
result<model::image_config> parsed_config(std::string_view text, const archived_manifest& held, std::string_view image);

}  // namespace gantry::archive
