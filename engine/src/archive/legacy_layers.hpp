#pragma once

#include <gantry/digest.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// A layer as docker before 25 saved it: an image of its own, in the manner of docker 1.0.
struct legacy_layer {
  std::string id;    ///< 64 hex digits, the name of its directory
  std::string json;  ///< content of `<id>/json`
};

/// The layers of an image, lowest first. Each ID is the digest of the layer's description with its chain ID and the ID of the layer below
/// (moby image/v1/imagev1.go, CreateID): equal for equal layers on equal layers, else different. The topmost one describes the image and
/// takes part of its configuration along.
/// \param config a configuration that was read without complaint
std::vector<legacy_layer> legacy_layers(std::string_view config, std::span<const digest> diff_ids, std::string_view os);

}  // namespace gantry::archive
