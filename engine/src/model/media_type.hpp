#pragma once

#include <string>
#include <string_view>

namespace gantry::model {

/// Media types of image-spec media-types.md and of Docker's image manifest v2.
namespace media_type {
inline constexpr std::string_view oci_manifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view oci_index = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view oci_config = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view oci_empty = "application/vnd.oci.empty.v1+json";
inline constexpr std::string_view oci_layer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view oci_layer_gzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view oci_layer_zstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view oci_foreign_layer = "application/vnd.oci.image.layer.nondistributable.v1.tar";
inline constexpr std::string_view oci_foreign_layer_gzip = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip";
inline constexpr std::string_view oci_foreign_layer_zstd = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd";
inline constexpr std::string_view docker_manifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view docker_config = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view docker_layer = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr std::string_view docker_layer_gzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view docker_layer_zstd = "application/vnd.docker.image.rootfs.diff.tar.zstd";
inline constexpr std::string_view docker_foreign_layer = "application/vnd.docker.image.rootfs.foreign.diff.tar";
inline constexpr std::string_view docker_foreign_layer_gzip = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";
inline constexpr std::string_view docker_schema1 = "application/vnd.docker.distribution.manifest.v1+json";
inline constexpr std::string_view docker_schema1_signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
}  // namespace media_type

enum class compression {
  none,
  gzip,
  zstd,
  unknown,  ///< a type that says nothing about it, e.g. of an artifact
};

/// All are exact: give them \ref bare_media_type of a header.
bool is_index(std::string_view type) noexcept;
bool is_manifest(std::string_view type) noexcept;
bool is_schema1(std::string_view type) noexcept;
/// The configuration of a runnable image, Docker's or OCI's.
bool is_image_config(std::string_view type) noexcept;
/// A layer of a runnable image, compressed or not, foreign or not.
bool is_image_layer(std::string_view type) noexcept;
/// A layer that its registry need not have; its descriptor may carry `urls`.
bool is_foreign_layer(std::string_view type) noexcept;
compression compression_of(std::string_view layer_type) noexcept;

/// Of a Content-Type header: without parameters and blanks, lower-case.
std::string bare_media_type(std::string_view content_type);

/// `type/subtype` by RFC 6838 section 4.2.
bool is_media_type(std::string_view text) noexcept;

/// The value of the Accept header for manifests: indexes first, then manifests, comma-separated.
std::string_view manifest_accept() noexcept;

}  // namespace gantry::model
