#include "config/host_configuration.hpp"

#include "base/redact.hpp"
#include "config/daemon_proxies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <optional>
#include <system_error>

namespace gantry::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t read_limit = (std::size_t{1} << 20) + 1;  // one more than is accepted
constexpr std::size_t path_shown = 512;

bool is_absent(const std::error_code& ec) { return ec == std::errc::no_such_file_or_directory || ec == std::errc::not_a_directory; }

/// \param reason an errno, or 0 with \p why
failure unreadable(const fs::path& path, int reason, std::string why = {}) {
  const error_code code = reason == 0 ? make_error_code(errc::invalid_option) : system_failure(reason, "cannot read", path.string()).code;
  if (reason != 0) why = std::generic_category().message(reason);
  return {code, fmt::format("{} cannot be read: {}; make it readable, or leave such files aside with --no-host-config",
                            clean_text(path.string(), path_shown), why)};
}

/// Nothing where there is no such file, or a device such as /dev/null.
result<std::optional<std::string>> text_of(const fs::path& file) {
  std::error_code ec;
  const fs::file_status status = fs::status(file, ec);
  if (is_absent(ec) || status.type() == fs::file_type::not_found) return std::nullopt;
  if (ec) return unreadable(file, ec.value());
  if (status.type() == fs::file_type::directory) return unreadable(file, 0, "it is a directory");
  if (status.type() != fs::file_type::regular) return std::nullopt;
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return unreadable(file, errno == 0 ? EIO : errno);
  // Most are short: memory for what is accepted at most would be the largest piece of many runs.
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() < read_limit && in.read(piece.data(), piece.size()).gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad()) return unreadable(file, EIO);
  return text;
}

result<std::vector<fs::path>> entries_of(const fs::path& directory) {
  std::vector<fs::path> found;
  std::error_code ec;
  for (fs::directory_iterator one(directory, ec), end; !ec && one != end; one.increment(ec)) found.push_back(one->path());
  if (ec && !is_absent(ec)) return unreadable(directory, ec.value());
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
      auto entries = entries_of(root / "registries.conf.d");
      if (!entries) return entries.error();
      for (fs::path& one : *entries) {
        if (one.extension() == ".conf") files.push_back(std::move(one));
      }
    }
  }
  registries_conf all;
  for (const fs::path& file : files) {
    const auto text = text_of(file);
    if (!text) return text.error();
    if (!*text) continue;
    auto read = registries_conf::parse(**text, file.string());
    if (!read) return read.error();
    all.merge(std::move(*read));
  }
  return all;
}

/// What is wrong with the file of one registry is the business of those who ask that registry.
void read_containerd(const host_config& places, host_configuration& into) {
  const auto directories = entries_of(fs::path(places.etc) / "containerd" / "certs.d");
  if (!directories) {
    into.notes.push_back(fmt::format("what it says of mirrors does not count: {}", directories.error().text.message()));
    return;
  }
  for (const fs::path& directory : *directories) {
    const fs::path file = directory / "hosts.toml";
    const auto text = text_of(file);
    if (text && !*text) continue;
    hosts_toml read;
    read.file = file.string();
    if (!text) {
      read.unusable = text.error();
    } else if (auto parsed = hosts_toml::parse(**text, file.string())) {
      read = std::move(*parsed);
    } else {
      read.unusable = parsed.error();
    }
    into.containerd.emplace_back(directory.filename().string(), std::move(read));
  }
}

result<void> read_docker(const host_config& places, host_configuration& into) {
  for (const std::string& root : {places.user_config, places.etc}) {
    if (root.empty()) continue;
    const fs::path file = fs::path(root) / "docker" / "daemon.json";
    const auto text = text_of(file);
    if (!text) {
      // Its daemon reads it as root; it blocks nothing, and docker's own client does without.
      into.notes.push_back(fmt::format("what it says of mirrors and proxies does not count: {}", text.error().text.message()));
      continue;
    }
    if (!*text) continue;
    auto daemon = docker_daemon::parse(**text, file.string());
    if (!daemon) return daemon.error();
    into.docker = std::move(*daemon);
    auto proxies = read_daemon_proxies(**text, file.string());
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
  read_containerd(places, read);
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
