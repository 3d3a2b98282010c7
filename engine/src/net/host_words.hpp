#pragma once

#include <string>
#include <string_view>

namespace gantry::net {

/// The host of Docker Hub's API, which nobody writes who asks for an image of docker.io.
inline constexpr std::string_view docker_hub_api = "registry-1.docker.io";

/// How messages call \p host: by the registry's name, too, where that is another. \param place \p host, with a port behind it or without
inline std::string host_in_words(std::string_view host, std::string_view place) {
  if (host != docker_hub_api) return std::string(place);
  return "docker.io (" + std::string(place) + ")";
}

}  // namespace gantry::net
