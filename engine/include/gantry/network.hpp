#pragma once

#include <functional>
#include <string>

namespace gantry {

/// Proxies by the rules of Go's httpproxy, which docker, podman and containerd follow. A proxy is `[scheme://][user:password@]host[:port]`
/// with the scheme http (also when none is written), https or socks5; credentials in it are percent-encoded. Empty: none.
struct proxy_settings {
  std::string http;   ///< for registries that are spoken to in clear text
  std::string https;  ///< for all others
  std::string
      no_proxy;      ///< reached directly: comma-separated names (`a.b`, `.b`, `*.b`), addresses, networks, each with optional port; `*`
  bool cgi = false;  ///< \ref http may have come from a request header (`Proxy:`) and is an error to use
  bool loopback = false;  ///< this machine's own addresses are reached through the proxy too, as where it was named by hand

  /// HTTP_PROXY, HTTPS_PROXY and NO_PROXY, each in upper case before lower case; ALL_PROXY stands in for the first two.
  /// \param variable reads one variable, empty when it is not set; none: the process's own environment
  static proxy_settings from_environment(const std::function<std::string(const char*)>& variable = {});
};

/// Another place for what one registry has.
struct mirror_setting {
  std::string registry;  ///< `host[:port]` as in reference::registry; or with a path, for the repositories below it
  std::string url;       ///< `[http[s]://]host[:port][/path]`; the path is put before the repository. Without scheme: https
  std::string source{};  ///< who named it, for messages; empty: the option `--mirror`
};

/// Where the configuration lies that docker, podman and containerd have on this machine: certificates (certs.d), mirrors and exceptions
/// (registries.conf, hosts.toml, daemon.json), proxies (daemon.json). Files that do not exist say nothing.
/// Paths, native encoding (bytes).
struct host_config {
  std::string etc = "/etc";     ///< directory of what holds for all users
  std::string user_config;      ///< `~/.config`; empty: none
  std::string registries_conf;  ///< in place of the usual registries.conf and its drop-ins; empty: the usual ones

  /// With user_config from XDG_CONFIG_HOME or HOME, registries_conf from CONTAINERS_REGISTRIES_CONF.
  static host_config of_this_machine(const std::function<std::string(const char*)>& variable = {});
};

}  // namespace gantry
