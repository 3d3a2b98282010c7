#include "config/host_configuration.hpp"

#include "config/daemon_proxies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

namespace gantry::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_limit = (std::size_t{1} << 20) + 1;  // one more than is accepted

std::optional<std::string> text_of(const fs::path& file) {
  std::error_code ec;
  if (!fs::is_regular_file(file, ec)) return std::nullopt;
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::nullopt;
  // Most are short: memory for what is accepted at most would be the largest piece of many runs.
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < read_limit && in.read(piece.data(), piece.size()).gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  return text;
}

std::vector<fs::path> entries_of(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator one(directory, ec), end; !ec && one != end; one.increment(ec)) found.push_back(one->path());
  std::sort(found.begin(), found.end());
  return found;
}

/// The user's file stands for the system's; drop-ins of both come after it, the user's last.
result<registries_conf> read_containers(const host_config& places) {
  std::vector<fs::path> files;
  const fs::path system = fs::path(places.etc) / "containers";
  const fs::path user = places.user_config.empty() ? fs::path() : fs::path(places.user_config) / "containers";
  std::error_code ec;
  if (!places.registries_conf.empty()) {
    files.push_back(places.registries_conf);
  } else {
    const bool own = !user.empty() && fs::exists(user / "registries.conf", ec);
    files.push_back((own ? user : system) / "registries.conf");
    for (const fs::path& root : {system, user}) {
      if (root.empty()) continue;
      for (fs::path& one : entries_of(root / "registries.conf.d")) {
        if (one.extension() == ".conf") files.push_back(std::move(one));
      }
    }
  }
  registries_conf all;
  for (const fs::path& file : files) {
    const auto text = text_of(file);
    if (!text) continue;
    auto read = registries_conf::parse(*text, file.string());
    if (!read) return read.error();
    all.merge(std::move(*read));
  }
  return all;
}

result<void> read_containerd(const host_config& places, host_configuration& into) {
  for (const fs::path& directory : entries_of(fs::path(places.etc) / "containerd" / "certs.d")) {
    const fs::path file = directory / "hosts.toml";
    const auto text = text_of(file);
    if (!text) continue;
    auto read = hosts_toml::parse(*text, file.string());
    if (!read) return read.error();
    into.containerd.emplace_back(directory.filename().string(), std::move(*read));
  }
  return {};
}

result<void> read_docker(const host_config& places, host_configuration& into) {
  for (const std::string& root : {places.user_config, places.etc}) {
    if (root.empty()) continue;
    const fs::path file = fs::path(root) / "docker" / "daemon.json";
    const auto text = text_of(file);
    if (!text) continue;
    auto daemon = docker_daemon::parse(*text, file.string());
    if (!daemon) return daemon.error();
    into.docker = std::move(*daemon);
    auto proxies = read_daemon_proxies(*text, file.string());
    if (!proxies) return proxies.error();
    into.docker_proxies = std::move(*proxies);
    break;
  }
  return {};
}

}  // namespace

result<host_configuration> read_host_configuration(const host_config& places) {
  host_configuration read;
  std::vector<fs::path> roots;
  const fs::path etc = places.etc;
  if (!places.user_config.empty()) roots.push_back(fs::path(places.user_config) / "containers" / "certs.d");
  roots.push_back(etc / "containers" / "certs.d");
  roots.push_back(etc / "docker" / "certs.d");
  read.certificates = read_certificates(roots);
  auto containers = read_containers(places);
  if (!containers) return containers.error();
  read.containers = std::move(*containers);
  if (auto containerd = read_containerd(places, read); !containerd) return containerd.error();
  if (auto docker = read_docker(places, read); !docker) return docker.error();
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
