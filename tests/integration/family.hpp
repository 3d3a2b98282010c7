#pragma once

#include "support/image_builder.hpp"
#include "support/relay.hpp"
#include "support/servers.hpp"
#include "support/temp_dir.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace gantry::test {

/// Images that share a base layer, in a registry of their own.
struct family {
  static constexpr int members = 3;

  family() {
    std::vector<layer_bytes> base{random_layer(6'000'000, 100)};
    for (int i = 0; i < members; ++i) {
      image_recipe recipe;
      recipe.seed = static_cast<std::uint32_t>(i + 1);
      std::vector<layer_bytes> layers = base;
      layers.push_back(random_layer(3'000'000, static_cast<std::uint32_t>(200 + i)));
      push(registry.port(), "team/member" + std::to_string(i), "1.0", build_image(recipe, std::move(layers)));
    }
  }

  std::string name(int i) const { return "127.0.0.1:" + std::to_string(line.port()) + "/team/member" + std::to_string(i) + ":1.0"; }

  temp_dir directory;
  docker_registry registry{directory / "registry", {directory / "storage"}};
  relay line{registry.port()};
};

}  // namespace gantry::test
