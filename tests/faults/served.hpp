#pragma once

#include "faults/puller.hpp"

namespace gantry::test {

/// A registry with the usual image, and pulls of it.
struct served {
  served() { registry.hold("team/app", "1.0", image); }

  fake_registry registry;
  test_image image = app_image();
  puller pulls{registry};
  const test_blob& layer() const { return image.layers[1]; }
};

}  // namespace gantry::test
