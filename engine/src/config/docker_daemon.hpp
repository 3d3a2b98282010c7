#pragma once

#include "base/failure.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gantry::config {

/// What docker's daemon.json says about registries.
struct docker_daemon {
  std::vector<std::string> mirrors;   ///< URLs, for docker.io alone
  std::vector<std::string> insecure;  ///< `host[:port]` or a network
  std::string file;

  /// errc::invalid_option when it is no JSON, or a member has the wrong type.
  static result<docker_daemon> parse(std::string_view text, const std::string& name);

  /// Whether \p registry is one of \ref insecure; a network covers registries that are named by an address.
  bool is_insecure(std::string_view registry) const;
};

}  // namespace gantry::config
