#pragma once

#include <gantry/extract.hpp>
#include <gantry/options.hpp>
#include <gantry/platform.hpp>
#include <gantry/pull.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

namespace gantry {

/// What \ref engine::async_convert is to write.
struct convert_options : operation_options {
  std::variant<archive_file, archive_stream> output;  ///< where the archive goes; without a path errc::invalid_option
  /// Which images of the input are taken, by the names that it gives them. Empty: all.
  std::vector<reference> images;
  /// Which platforms of each image are taken, with what describes them. Empty: all. errc::platform_not_found when an image lacks one.
  std::vector<platform> platforms;
  /// What the one image that is taken is called in the output, in place of its names. None: it keeps them.
  std::optional<reference> name;
  /// As pull_options::attestations.
  bool attestations = false;
};

/// What a convert did.
struct convert_result {
  std::vector<pulled_image> images;     ///< one for each name and platform; the reference of an image without a name is empty
  std::size_t blobs = 0;                ///< distinct configs and layers of all images, as the input has them
  std::uint64_t bytes = 0;              ///< of these
  std::size_t layers = 0;               ///< of the blobs, those that are no configs
  std::uint64_t archive_size = 0;       ///< bytes of the output
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
