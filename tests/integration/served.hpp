#pragma once

#include "integration/shelf.hpp"
#include "integration/workplace.hpp"

#include "support/servers.hpp"
#include "support/temp_dir.hpp"

#include <string>
#include <utility>

namespace gantry::test {

/// A registry of its own, with the images of the shelf unless told otherwise, and a place for the program to work in.
struct served {
  explicit served(registry_options options = {shelf()}) : registry(directory / "registry", std::move(options)) {}

  temp_dir directory;
  docker_registry registry;
  workplace place;

  /// \param rest of the name behind `team/`
  std::string image(const std::string& rest) const { return registry.host() + "/team/" + rest; }
};

}  // namespace gantry::test
