#pragma once

#include <gantry/descriptor.hpp>

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::archive {

/// The annotations of an index.json that say what an image is called: in full, and the way the specification has it.
inline constexpr const char* image_name_annotation = "io.containerd.image.name";
inline constexpr const char* ref_name_annotation = "org.opencontainers.image.ref.name";

/// The marker file of an OCI image layout (image-spec image-layout.md, "oci-layout file").
std::string oci_layout_json();

/// An image index of \p manifests with platform, annotations and artifact type as the descriptors have them (image-spec image-index.md).
/// \param media_type OCI index or Docker manifest list
std::string index_json(std::string_view media_type, std::span<const descriptor> manifests);

/// One entry of docker's manifest.json.
struct docker_image {
  std::string config;               ///< path in the archive
  std::vector<std::string> tags;    ///< docker's short form, e.g. `nginx:1.25`; none is written as null
  std::vector<std::string> layers;  ///< paths in the archive
};
std::string manifest_json(std::span<const docker_image> images);

/// Docker's `repositories`: short repository name -> tag -> hex digits of the top layer.
std::string repositories_json(const std::map<std::string, std::map<std::string, std::string>>& repositories);

/// `blobs/<algorithm>/<encoded>`
std::string blob_path(const digest& blob);

}  // namespace gantry::archive
