#pragma once

#include "archive/image_source.hpp"
#include "base/failure.hpp"

#include <gantry/digest.hpp>
#include <gantry/reference.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace gantry::jobs {

/// Under which names the images of a source are taken.
struct name_plan {
  std::vector<std::vector<reference>> names;  ///< one list for each image of the source; empty: the image is left out
  std::vector<std::string> refused;           ///< a sentence for each name or image that is left out though nobody asked for that
};

/// Decides it: a \p wanted name goes to the only image, or to the one that has it; else each image keeps its names where the store has no
/// other digest under them.
/// \param force names are taken from what has them
/// \param held what the store has under a name; empty when it has nothing
/// \param source its name, for messages
/// \returns errc::not_found when there is no image, errc::invalid_option when no image gets a name
result<name_plan> plan_names(const std::vector<archive::source_image>& images, const std::optional<reference>& wanted, bool force,
                             const std::function<digest(const reference&)>& held, const std::string& source);

}  // namespace gantry::jobs
