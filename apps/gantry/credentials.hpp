#pragma once

#include "environment.hpp"

#include <gantry/credentials.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantry::app {

/// DOCKER_HUB_USERNAME and DOCKER_HUB_TOKEN for docker.io and, in environment mode, REGISTRY_USERNAME and REGISTRY_PASSWORD for the named
/// registry.
/// \param registry_of_image empty outside environment mode
/// \param warn told about a token without user name, which is not used
std::vector<std::shared_ptr<credential_source>> environment_credentials(const environment& variables, const std::string& registry_of_image,
                                                                        const std::function<void(const std::string&)>& warn);

}  // namespace gantry::app
