#include "config/host_configuration.hpp"

#include <cstdlib>
#include <string>

namespace gantry::config {
namespace {

namespace fs = std::filesystem;

}  // namespace

host_configuration read_host_configuration(const host_config& places) {
  host_configuration read;
  std::vector<fs::path> roots;
  if (!places.user_config.empty()) roots.push_back(places.user_config / "containers" / "certs.d");
  roots.push_back(places.etc / "containers" / "certs.d");
  roots.push_back(places.etc / "docker" / "certs.d");
  read.certificates = read_certificates(roots);
  return read;
}

}  // namespace gantry::config

namespace gantry {

host_config host_config::of_this_machine(const std::function<std::string(const char*)>& reader) {
  const auto variable = [&](const char* name) {
    if (reader) return reader(name);
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  host_config places;
  const std::string config = variable("XDG_CONFIG_HOME");
  const std::string home = variable("HOME");
  if (!config.empty()) {
    places.user_config = config;
  } else if (!home.empty()) {
    places.user_config = std::filesystem::path(home) / ".config";
  }
  places.registries_conf = variable("CONTAINERS_REGISTRIES_CONF");
  return places;
}

}  // namespace gantry
