#include "credentials.hpp"

#include <fmt/format.h>

namespace gantry::app {
namespace {

std::shared_ptr<credential_source> from_pair(const environment& variables, const char* user_name, const char* secret_name,
                                             const std::string& registry, const std::function<void(const std::string&)>& warn) {
  credential value;
  value.username = variables(user_name);
  value.password = variables(secret_name);
  value.origin = fmt::format("environment variable {}", user_name);
  if (value.username.empty() && value.password.empty()) return nullptr;
  if (value.username.empty() || value.password.empty()) {
    const bool no_user = value.username.empty();
    warn(fmt::format("{} is set without {} and not used for {}", no_user ? secret_name : user_name, no_user ? user_name : secret_name,
                     registry));
    return nullptr;
  }
  return std::make_shared<bound_credential>(registry, std::move(value));
}

}  // namespace

std::vector<std::shared_ptr<credential_source>> environment_credentials(const environment& variables, const std::string& registry_of_image,
                                                                        const std::function<void(const std::string&)>& warn) {
  std::vector<std::shared_ptr<credential_source>> sources;
  if (auto hub = from_pair(variables, "DOCKER_HUB_USERNAME", "DOCKER_HUB_TOKEN", "docker.io", warn)) sources.push_back(std::move(hub));
  if (registry_of_image.empty()) return sources;
  if (auto named = from_pair(variables, "REGISTRY_USERNAME", "REGISTRY_PASSWORD", registry_of_image, warn))
    sources.push_back(std::move(named));
  return sources;
}

}  // namespace gantry::app
