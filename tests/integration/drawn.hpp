#pragma once

#include "support/image_builder.hpp"

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace gantry::test {

/// What \p program, the words of one of the system, writes when it is given a file of \p bytes: a layer inflated, or packed again.
std::string piped(const std::vector<std::string>& program, const std::string& bytes);

/// What is drawn beside the usual.
struct peculiarities {
  bool foreign = false;  ///< layers that registries do not hand on
  bool sha512 = false;   ///< blobs that are named by sha512, which Debian's registry refuses
};

/// \p count layers of some sizes, some of them twice, some without a file in them, of all media types of the family.
test_image random_image(std::mt19937& random, const image_recipe& recipe, std::uint32_t count, peculiarities with);

/// Of no platform, and no file system: its configuration is the empty JSON blob, which the descriptor may carry itself.
test_image random_artifact(std::mt19937& random);

/// An index with all it leads to.
struct drawn_index {
  test_blob top;
  std::vector<test_blob> inner;  ///< indexes inside of it, inside of one another
  std::vector<test_image> members;
};

/// One to three platforms and up to two artifacts in any order, some of them in indexes of their own.
drawn_index random_index(std::mt19937& random);

}  // namespace gantry::test
