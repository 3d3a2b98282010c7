#pragma once

#include "archive/layout.hpp"
#include "base/failure.hpp"
#include "model/blob_source.hpp"

#include <gantry/events.hpp>
#include <gantry/push.hpp>

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {

/// One document to be written, and under which name.
struct planned_manifest {
  descriptor document;
  reference name;     ///< in the target; by digest for all but the last
  std::string bytes;  ///< when it was made here; empty: the source has it
};

/// One image on its way to one name.
struct planned_image {
  reference source;
  reference target;
  descriptor top;
  bool changed = false;                     ///< the target is known to name something else, or nothing
  std::vector<planned_manifest> manifests;  ///< in the order to write them; the last one is the top under its name
};

/// One blob on its way to one repository.
struct planned_blob {
  std::string registry;
  std::string repository;
  descriptor blob;
  blob_role role = blob_role::layer;
};

struct push_plan {
  std::vector<planned_image> images;
  std::vector<planned_blob> blobs;
};

/// What has to be where for \p images to be at \p target. Pure.
/// \returns errc::platform_not_found, errc::invalid_option when several images would get one name or an image without name has none to get,
/// errc::not_found when an index is held in part and no platform was chosen
/// \param remade tops that need an index of their own, since manifests below them are no longer what they name
result<push_plan> plan_push(const std::vector<archive::archived_image>& images, const push_target& target, const push_options& options,
                            const std::set<digest>& remade = {});

/// The manifests of \p image for \p wanted, each once; valid as long as \p image. errc::platform_not_found.
result<std::vector<const archive::archived_manifest*>> choose_manifests(const archive::archived_image& image,
                                                                        const std::vector<platform>& wanted);

/// Adds to \p chosen the attestations of \p image that describe what is in it.
void add_attestations(const archive::archived_image& image, std::vector<const archive::archived_manifest*>& chosen);

/// What is written of an image when platforms are chosen; valid as long as the image.
struct part_of_image {
  std::vector<const archive::archived_manifest*> manifests;  ///< with the attestations that go along
  bool makes_index = false;                                  ///< they are named by an index; else there is one
  bool whole = false;                                        ///< that index is the one of the image
};

/// Of \p image what is written for \p wanted, in a registry as in a directory. \param as_index see push_options
/// \returns errc::platform_not_found
result<part_of_image> choose_part(const archive::archived_image& image, const std::vector<platform>& wanted, bool as_index);
/// Leaves just that of \p image.
result<void> keep_part(archive::archived_image& image, const std::vector<platform>& wanted, bool as_index);

/// Repositories of \p registry that probably have a blob, most likely first.
using mount_hints = std::map<digest, std::vector<std::string>>;

/// Adds what the manifests of \p image say about \p repository.
void add_hints(mount_hints& hints, const archive::archived_image& image, const std::string& repository);

}  // namespace gantry::jobs
