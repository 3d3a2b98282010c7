#pragma once

#include "base/failure.hpp"
#include "config/certs_d.hpp"
#include "config/mirror_rules.hpp"

#include <gantry/network.hpp>

#include <string>
#include <vector>

namespace gantry::config {

/// What the configuration of other programs on this machine says.
struct host_configuration {
  certificate_directories certificates;
  registries_conf containers;
  std::vector<std::pair<std::string, hosts_toml>> containerd;
  docker_daemon docker;
  proxy_settings docker_proxies;  ///< see read_daemon_proxies
};

/// Reads everything below \p places. What does not exist or may not be read says nothing; what cannot be understood is
/// errc::invalid_option, since it may have blocked something. Blocking.
result<host_configuration> read_host_configuration(const host_config& places);

}  // namespace gantry::config
