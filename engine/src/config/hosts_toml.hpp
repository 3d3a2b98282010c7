#pragma once

#include "base/failure.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::config {

/// containerd's hosts.toml for one registry (containerd, docs/hosts.md).
struct hosts_toml {
  struct host {
    std::string url;        ///< `http[s]://host[:port]`, without path
    std::string api;        ///< path of the API: `/v2`, or what is written with `override_path`
    bool tls_only = false;  ///< `https://` was written
    bool pull = true;
    bool resolve = true;
    bool skip_verify = false;
    std::vector<std::filesystem::path> authorities;
    std::optional<std::pair<std::filesystem::path, std::filesystem::path>> client;
    std::vector<std::pair<std::string, std::string>> headers;  ///< fields of every request; a name may stand there several times
  };

  std::vector<host> hosts;     ///< in the order of the file
  std::optional<host> server;  ///< the registry itself, when it is described
  std::string file;
  std::optional<failure> unusable;  ///< why the file says nothing; whoever asks a registry that it is for should know

  /// \param name path of the file; relative paths in it count from its directory. errc::invalid_option.
  static result<hosts_toml> parse(std::string_view text, const std::string& name);
};

/// The directories of certs.d in which containerd looks for \p registry, the first that exists counts: `registry_5000_`, `registry:5000`,
/// `_default`.
std::vector<std::string> containerd_directories(std::string_view registry);

}  // namespace gantry::config
