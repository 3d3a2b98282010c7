#pragma once

#include "base/failure.hpp"
#include "config/docker_config.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gantry::config {

/// The text of a config.json or auth.json with one entry of `auths` set, for \p registry as in a reference; what else stands in the file
/// stays, in its order. An entry that means the same host under another key is replaced where it is; Docker Hub gets docker's own key.
/// \param bytes empty: the file does not exist yet
/// \param name of the file, for messages
/// errc::bad_credentials when the file is no JSON object, so that nothing in it is lost.
result<std::string> with_entry(std::string_view bytes, std::string_view name, std::string_view registry, const auth_entry& entry);

/// The text without the entries that mean the whole host; those of repositories stay. Nothing when there is none.
result<std::optional<std::string>> without_entry(std::string_view bytes, std::string_view name, std::string_view registry);

/// Whether there is an entry of the whole host with something in it.
result<bool> has_entry(std::string_view bytes, std::string_view name, std::string_view registry);

}  // namespace gantry::config
