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
  proxy_settings docker_proxies;   ///< see read_daemon_proxies
  std::vector<std::string> notes;  ///< one sentence each: what may not be read, and what therefore does not count
};

/// Reads everything below \p places. What does not exist says nothing. errc::invalid_option for what cannot be understood, and what the
/// system says of what cannot be read, since it may have blocked a registry; a hosts.toml says so for its own registry alone, and what only
/// docker's daemon may read is noted. Blocking.
result<host_configuration> read_host_configuration(const host_config& places);

}  // namespace gantry::config
