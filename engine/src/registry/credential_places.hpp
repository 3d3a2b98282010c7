#pragma once

#include "base/failure.hpp"
#include "config/docker_config.hpp"
#include "registry/credential_helper.hpp"

#include <gantry/credentials.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gantry::registry {

/// One of the places that \ref usual_credentials looks into.
struct credential_place {
  enum class form {
    config,    ///< config.json or auth.json
    legacy,    ///< .dockercfg: the entries alone
    variable,  ///< the text itself, in an environment variable
  };

  form kind = form::config;
  std::filesystem::path file;  ///< empty for a variable
  std::string name;            ///< for messages: the path, or the variable's name
  std::string text;            ///< of a variable
  bool named = false;          ///< the user named it, so that it must be there and be readable
};

/// All places for a search, in the order in which they are asked; files that do not exist included.
std::vector<credential_place> credential_places(const credential_search& search);

/// The text of a place, at most config::docker_config::size_limit + 1 bytes; nothing when the file is absent. errc::file_not_found for one
/// that is named, errc::bad_credentials when it cannot be read.
result<std::optional<std::string>> read_place(const credential_place& place);

/// Parses what \ref read_place returned. errc::bad_credentials.
result<config::docker_config> parse_place(const credential_place& place, std::string_view text);

/// Reads a variable through \p search.
std::string variable_of(const credential_search& search, const char* name);

/// The helper that a configuration names for a registry; nothing when it names none. errc::bad_credentials.
result<std::optional<credential_helper>> helper_of(const credential_search& search, const config::docker_config& config,
                                                   std::string_view registry);

}  // namespace gantry::registry
