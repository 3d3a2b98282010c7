#pragma once

#include <gantry/digest.hpp>
#include <gantry/platform.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gantry {

/// A typed, sized, hashed pointer to content (image-spec descriptor.md).
struct descriptor {
  std::string media_type;                          ///< of the content, e.g. `application/vnd.oci.image.manifest.v1+json`
  gantry::digest digest;                           ///< of the content's bytes
  std::uint64_t size = 0;                          ///< bytes
  std::optional<gantry::platform> platform;        ///< of a manifest in an index: what it runs on; none: the index does not say
  std::map<std::string, std::string> annotations;  ///< by key; empty when there are none
  std::vector<std::string> urls;                   ///< foreign layers: where else the content may be had
  std::string artifact_type;                       ///< empty when absent
  std::optional<std::string> data;                 ///< inline content, already decoded from base64, not yet verified

  /// Equal when every member is.
  friend bool operator==(const descriptor&, const descriptor&) = default;
};

}  // namespace gantry
