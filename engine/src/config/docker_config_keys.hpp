#pragma once

#include "base/failure.hpp"

#include <boost/json/value.hpp>

#include <string_view>

/// What reading and writing of docker's configuration have in common.
namespace gantry::config {

/// A JSON object of at most docker_config::size_limit bytes. errc::bad_credentials.
result<boost::json::value> read_document(std::string_view bytes, std::string_view name);

/// The host that a key of `auths` means: without scheme and path, Docker Hub under one name.
std::string_view host_of(std::string_view key);

/// Whether a key means a whole host: `host`, `https://host`, `https://host/v1/`; without a scheme a path is a repository.
bool means_host(std::string_view key);

}  // namespace gantry::config
