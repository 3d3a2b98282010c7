#pragma once

#include "base/failure.hpp"
#include "config/docker_daemon.hpp"
#include "config/hosts_toml.hpp"
#include "config/registries_conf.hpp"

#include <gantry/network.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::config {

/// One place where a repository can be had.
struct endpoint {
  std::string registry;    ///< `host[:port]`; what credentials are looked up by
  std::string repository;  ///< path there
  std::string api = "/v2";
  bool plain_http = false;  ///< in clear text, because the one who configured it wrote `http://`
  bool tls_only = false;    ///< never in clear text, because the one who configured it wrote `https://`
  bool insecure = false;    ///< any certificate does, and clear text where there is no TLS and tls_only does not forbid it
  bool tags = true;         ///< may be asked what a tag is
  bool digests = true;      ///< may be asked for content by digest
  std::string name_space;   ///< sent as `ns=`: which registry is meant, for mirrors of many; empty: not sent
  bool is_mirror = false;   ///< not the registry itself
  bool moved = false;       ///< the registry itself, at another host than its name says
  std::string source;       ///< who named it, for people: `--mirror`, a path
  std::vector<std::filesystem::path> authorities;  ///< further ones for this host
  std::optional<std::pair<std::filesystem::path, std::filesystem::path>> client;
  std::vector<std::pair<std::string, std::string>> headers;  ///< name and value of fields that every request there carries; may be secret

  friend bool operator==(const endpoint&, const endpoint&) = default;
};

/// Where references are had: the mirrors that options and other programs name, then the registry itself. Precedence: the first of
/// `--mirror`, registries.conf, hosts.toml, daemon.json that knows mirrors for a repository gives them, alone. What blocks a registry,
/// moves it or takes it for insecure holds whoever gives the mirrors. Pure.
class mirror_rules {
 public:
  std::vector<mirror_setting> options;
  registries_conf containers;
  std::vector<std::pair<std::string, hosts_toml>> containerd;  ///< by directory name
  docker_daemon docker;

  /// The endpoints of a repository in the order in which they are asked; the last is the registry itself. \param registry,repository as in
  /// reference. errc::forbidden: blocked; errc::invalid_option: a mirror that is no URL.
  result<std::vector<endpoint>> endpoints(const std::string& registry, const std::string& repository) const;

 private:
  const hosts_toml* containerd_of(const std::string& registry) const;
};

/// Reads `[http[s]://]host[:port][/path]` as a mirror of \p repository: the path is put before it. errc::invalid_option.
result<endpoint> mirror_at(const std::string& url, const std::string& repository, const std::string& source);

}  // namespace gantry::config
