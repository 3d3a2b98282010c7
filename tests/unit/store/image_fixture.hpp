#pragma once

#include "support/image_builder.hpp"
#include "unit/store/fixture.hpp"

#include <string>

namespace gantry::test {

/// A store of real images.
struct image_fixture : store_fixture {
  static reference name_of(const std::string& text) {
    error_code ec;
    const reference name = reference::parse(text, ec);
    REQUIRE_FALSE(ec);
    return name;
  }
  descriptor keep(const test_blob& blob) const {
    descriptor value = descriptor_of(blob.bytes);
    value.media_type = blob.media_type;
    must(store->put(value, blob.bytes));
    return value;
  }
  /// \returns the descriptor of the manifest
  descriptor keep_image(const test_image& image) const {
    keep(image.config);
    for (const test_blob& layer : image.layers) keep(layer);
    return keep(image.manifest);
  }
};

}  // namespace gantry::test
