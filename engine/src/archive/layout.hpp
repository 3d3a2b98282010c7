#pragma once

#include "base/failure.hpp"
#include "model/index_words.hpp"
#include "store/blob_meta.hpp"

#include <gantry/descriptor.hpp>
#include <gantry/platform.hpp>
#include <gantry/reference.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace gantry::archive {

/// One manifest that goes into an archive, with all that it points at.
struct archived_manifest {
  descriptor manifest;               ///< media type, digest and size as served; its annotations stay with an index
  std::optional<descriptor> config;  ///< absent only where the manifest has none
  std::vector<descriptor> layers;    ///< in manifest order, duplicates kept
  gantry::platform platform;         ///< from the index or the config; empty fields when nothing says
  bool attestation = false;          ///< describes another manifest: never in manifest.json nor in a list of platforms
  std::string artifact_type{};       ///< what the manifest itself says it is; empty when it says nothing
};

/// One image of an archive: what one or several names resolved to.
struct archived_image {
  /// What the archive calls it. A name with tag and digest counts as its tag. Empty, or names with a digest alone: no tag is made up,
  /// RepoTags is null.
  std::vector<reference> names;
  /// Tags without a repository, as OCI layouts have them; they stand in index.json when there is no name.
  std::vector<std::string> bare_tags{};
  descriptor top;  ///< what the names resolved to: an index, or the one manifest
  /// The index documents below and with \ref top, top first, when everything that they name is in \ref manifests and the index itself is
  /// wanted, i.e. all platforms were asked for; empty when there is no index or only a part of it is held.
  std::vector<descriptor> indexes;
  /// In the order in which the platforms were asked for, or that of the index.
  std::vector<archived_manifest> manifests;
  /// Whether index.json names one platform with its attestations, where there are any, by an index made of them.
  bool lists_attestations = false;
  /// Whether one platform of several that were asked for is named by an index all the same.
  bool as_index = false;
  std::shared_ptr<const model::index_words> words{};  ///< of \ref top, when that is an index whose bytes were read
  /// Whether index.json calls it by its whole name also where its tag alone would mean one thing.
  bool full_names = false;
};

/// What a compressed layer inflates to.
struct inflated_layer {
  descriptor blob;
  store::blob_meta facts;
};

/// One member of the tar.
struct entry {
  std::string name;        ///< path in the archive; ends in '/' for a directory
  std::uint64_t size = 0;  ///< bytes of content, without padding
  /// The bytes themselves, the blob that has them, or the layer that inflates to them.
  std::variant<std::string, descriptor, inflated_layer> content;
  std::uint64_t header_offset = 0;  ///< where its header starts in the plain tar
  std::uint64_t data_offset = 0;    ///< where its content starts in the plain tar
};

/// The tar header of \p member; see tar_header.
std::string header_of(const entry& member);

/// A whole archive, known before its first byte is written. The same images give the same layout, whatever the machine, except for which
/// platform of an image gets the tag in manifest.json.
struct layout {
  std::vector<entry> entries;
  std::uint64_t size = 0;          ///< bytes of the plain tar, end blocks included
  std::vector<std::string> notes;  ///< one sentence each: what the user should know about this archive
};

/// What index.json names for \p image; see \ref plan_docker. \param made_text set to the text of an index that has to be made; may be null
descriptor listed_top(const archived_image& image, std::string* made_text = nullptr);

/// Plans the format `docker` (DESIGN section 5): an OCI layout with docker's manifest.json and repositories beside it.
///
/// Order: oci-layout, blobs/, blobs/<algorithm>/, then for each manifest its config and layers, then the manifests, the indexes,
/// index.json, manifest.json, repositories. A blob that several images share stands once.
///
/// index.json has one entry per name. It names the image manifest when one platform is held (attestations of it then lie in blobs/
/// unlisted, unless \ref archived_image::lists_attestations asks for an index of both), the index when all of it is held, and otherwise an
/// index made here of the manifests that are held, in the media types of the original: several entries of one name are refused by podman
/// and skopeo and overwrite each other in containerd, and an index with missing children breaks on export and push.
///
/// \param host the platform that gets the tag in manifest.json when an image has several; else the first of its manifests
/// \returns errc::not_an_image when an image has no manifest with an image config
result<layout> plan_docker(std::span<const archived_image> images, const platform& host);

/// Plans the format `oci`: an OCI image layout (image-spec image-layout.md) in a tar. Takes artifacts of every kind. Order and index.json
/// as with \ref plan_docker, without manifest.json and repositories.
result<layout> plan_oci(std::span<const archived_image> images);

}  // namespace gantry::archive
