#pragma once

#include <gantry/diagnostics.hpp>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace gantry {

/// A user name and password (or access token in the password's place) for one registry.
struct credential {
  std::string username;
  std::string password;
  std::string identity_token;  ///< OAuth2 refresh token; when set, user name and password are not used
  std::string origin;          ///< where it came from, in words for messages: "command line", "~/.docker/config.json"; never the secret

  friend bool operator==(const credential&, const credential&) = default;
};

/// Where credentials come from. Implement it to plug in a vault; the engine asks once per registry and repository and keeps the answer in
/// memory.
class credential_source {
 public:
  virtual ~credential_source() = default;

  /// \param registry host and optional port as in \ref reference::registry
  /// \param repository path below the registry, for sources with repository-scoped keys
  /// \param problem set when there is an entry and it cannot be read: the request then fails with errc::bad_credentials and this text, and
  /// is not sent anonymously \returns nothing when the source knows none for this registry. Called on a worker thread, may block, must not
  /// throw.
  virtual std::optional<credential> find(const std::string& registry, const std::string& repository, diagnostics& problem) = 0;
};

/// The `auths` of docker's config.json. The file is read once, when this is called.
/// \param file empty: `$DOCKER_CONFIG/config.json`, else `~/.docker/config.json`; that one may be absent, a file that is named may not
/// \param problem told why the file cannot be used (absent, unreadable, malformed); left empty when all is well. May be null.
/// \returns never null; with a problem, a source that knows no credential.
std::shared_ptr<credential_source> docker_config_credentials(std::filesystem::path file = {}, diagnostics* problem = nullptr);

}  // namespace gantry
