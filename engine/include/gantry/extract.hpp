#pragma once

#include <gantry/archive_input.hpp>
#include <gantry/options.hpp>
#include <gantry/pull.hpp>
#include <gantry/reference.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gantry {

/// How \ref engine::async_extract takes an archive into the store.
struct extract_options : operation_options {
  /// What the image is called in the store, whatever it was called before. With several images in the archive: which one is taken. None:
  /// the names that the archive gives.
  std::optional<reference> name;
  /// Whether names of the archive replace what the store has under them. false: such a name is not taken.
  bool force = false;
};

/// What an extract did.
struct extract_result {
  std::vector<pulled_image> images;     ///< one for each name and platform
  std::vector<std::string> refused;     ///< one sentence for each name, or image without a name, that was not taken
  std::size_t blobs = 0;                ///< distinct configs and layers of all images
  std::uint64_t bytes = 0;              ///< of these
  std::size_t blobs_reused = 0;         ///< of these, already in the store
  std::uint64_t bytes_reused = 0;       ///< of these
  std::size_t layers = 0;               ///< of the blobs, those that are no configs
  std::size_t layers_reused = 0;        ///< of these, already in the store
  std::uint64_t store_size = 0;         ///< bytes of all blobs in the store afterwards
  std::chrono::milliseconds elapsed{};  ///< from the start of the operation to its end
};

}  // namespace gantry
