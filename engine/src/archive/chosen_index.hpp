#pragma once

#include "archive/layout.hpp"

#include <gantry/descriptor.hpp>

#include <string>
#include <vector>

namespace gantry::archive {

/// An index that was made here.
struct made_index {
  descriptor top;
  std::string text;
};

/// An index of what was chosen out of another: its media type and all that it says, the entries as they stood and in their order, whatever
/// that of \p chosen. The same for a registry, a directory and an archive. \param chosen of \p image
made_index index_of(const archived_image& image, const std::vector<const archived_manifest*>& chosen);

}  // namespace gantry::archive
