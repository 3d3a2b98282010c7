#pragma once

#include "environment.hpp"

#include <gantry/credentials.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gantry::app {

/// One credential bound to one registry: it is offered to no other, so that neither a mirror nor a redirect target ever sees it.
class bound_credential final : public credential_source {
 public:
  /// \param registry as in reference::registry
  bound_credential(std::string registry, credential value) : registry_(std::move(registry)), value_(std::move(value)) {}
  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override;

 private:
  std::string registry_;
  credential value_;
};

/// The first source that knows an answer.
class credential_chain final : public credential_source {
 public:
  explicit credential_chain(std::vector<std::shared_ptr<credential_source>> sources) : sources_(std::move(sources)) {}
  std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) override;

 private:
  std::vector<std::shared_ptr<credential_source>> sources_;
};

/// DOCKER_HUB_USERNAME and DOCKER_HUB_TOKEN for docker.io and, in environment mode, REGISTRY_USERNAME and REGISTRY_PASSWORD for the named
/// registry.
/// \param registry_of_image empty outside environment mode
/// \param warn told about a token without user name, which is not used
std::vector<std::shared_ptr<credential_source>> environment_credentials(const environment& variables, const std::string& registry_of_image,
                                                                        const std::function<void(const std::string&)>& warn);

}  // namespace gantry::app
