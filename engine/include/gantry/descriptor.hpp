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
  std::string media_type;
  gantry::digest digest;
  std::uint64_t size = 0;  ///< bytes
  std::optional<gantry::platform> platform;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> urls;    ///< foreign layers: where else the content may be had
  std::string artifact_type;        ///< empty when absent
  std::optional<std::string> data;  ///< inline content, already decoded from base64, not yet verified

  /// Equal when every member is.
  friend bool operator==(const descriptor&, const descriptor&) = default;
};

}  // namespace gantry
