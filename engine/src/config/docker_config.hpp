#pragma once

#include "base/failure.hpp"

#include <gantry/credentials.hpp>

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace gantry::config {

/// One entry of `auths`. Secrets: never print.
struct auth_entry {
  std::string username;
  std::string password;
  std::string identity_token;  ///< OAuth2 refresh token
  std::string registry_token;  ///< a bearer token to be sent as it is

  bool empty() const noexcept { return username.empty() && password.empty() && identity_token.empty() && registry_token.empty(); }
  /// base64 of `username:password`, as Basic authentication wants it.
  std::string basic() const;

  friend bool operator==(const auth_entry&, const auth_entry&) = default;
};

/// The part of docker's config.json, and of containers' auth.json, that concerns credentials.
class docker_config {
 public:
  static constexpr std::size_t size_limit = 1024 * 1024;

  /// Parses a config.json or auth.json. \p name stands in error messages and in \ref credential::origin. An entry that cannot be read is
  /// reported when it is looked up, not before. errc::bad_credentials.
  static result<docker_config> parse(std::string_view bytes, std::string_view name);

  /// Parses the older ~/.dockercfg: the object of entries alone.
  static result<docker_config> parse_legacy(std::string_view bytes, std::string_view name);

  /// The entry for a repository: exact keys first, from `registry/repository` upwards to `registry`, then keys that mean the same host
  /// (`https://registry/v1/`; index.docker.io and registry-1.docker.io are docker.io). Nothing when there is none or it is empty.
  /// errc::bad_credentials when the entry is there and cannot be read.
  result<std::optional<auth_entry>> find(std::string_view registry, std::string_view repository) const;

  /// The same as a credential.
  result<std::optional<credential>> lookup(std::string_view registry, std::string_view repository) const;

  /// The helper to ask for a registry: credHelpers' entry, else credsStore; empty when none.
  std::string_view helper_for(std::string_view registry) const;

 private:
  struct entry {
    auth_entry value;
    std::string defect;  ///< why it cannot be read; empty when it can
  };
  friend class docker_config_reader;

  std::string name_;
  std::map<std::string, entry, std::less<>> auths_;
  std::map<std::string, std::string, std::less<>> helpers_;
  std::string store_;
};

/// Decodes an `auth` field: base64 of `username:password`. Nothing when it is neither.
std::optional<auth_entry> decode_auth(std::string_view field);

}  // namespace gantry::config
