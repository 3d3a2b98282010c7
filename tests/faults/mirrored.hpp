#pragma once

#include "faults/puller.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace gantry::test {

/// An image of one layer of so many bytes.
inline test_image image_of(std::uint64_t layer) {
  image_recipe recipe;
  recipe.layers = {layer};
  return build_image(recipe);
}

/// One image at its registry and at two others, which become its mirrors when they are told to.
struct mirrored {
  explicit mirrored(std::uint64_t layer = 3'000'000, fake_registry_options options = {})
      : origin(std::move(options)), image(image_of(layer)) {
    for (fake_registry* one : {&origin, &first, &second}) one->hold("team/app", "1.0", image);
  }
  fake_registry origin;
  fake_registry first;
  fake_registry second;
  test_image image;
  puller pulls{origin};

  void mirror(const fake_registry& by) { pulls.settings.mirrors.push_back({origin.host(), "http://" + by.host()}); }
  void mirror_both() {
    mirror(first);
    mirror(second);
  }
  /// When nobody lets us down any more.
  void heals() { pulls.heals({&origin, &first, &second}); }
  const std::string& layer() const { return image.layers[0].digest; }
};

}  // namespace gantry::test
