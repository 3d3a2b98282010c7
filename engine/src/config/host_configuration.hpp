#pragma once

#include "config/certs_d.hpp"

#include <gantry/network.hpp>

#include <filesystem>
#include <vector>

namespace gantry::config {

/// What the configuration of other programs on this machine says.
struct host_configuration {
  certificate_directories certificates;
};

/// Reads everything below \p places. Blocking.
host_configuration read_host_configuration(const host_config& places);

}  // namespace gantry::config
