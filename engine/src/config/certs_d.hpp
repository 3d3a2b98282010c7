#pragma once

#include "base/failure.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gantry::config {

/// What one directory of certs.d says about the host that it is named after.
struct host_certificates {
  std::vector<std::filesystem::path> authorities;  ///< `*.crt`, by name
  /// `NAME.cert` with `NAME.key`; of several pairs the first by name.
  std::optional<std::pair<std::filesystem::path, std::filesystem::path>> client;
  std::optional<failure> problem;  ///< a certificate without key or the other way round: errc::invalid_option

  friend bool operator==(const host_certificates& a, const host_certificates& b) {
    return a.authorities == b.authorities && a.client == b.client && a.problem.has_value() == b.problem.has_value();
  }
};

/// Sorts the files of \p directory by what they are (docker's rules); pure.
host_certificates sort_certificates(const std::filesystem::path& directory, std::vector<std::string> names);

/// By directory name: `host` or `host:port`.
using certificate_directories = std::map<std::string, host_certificates>;

/// Reads the directories below each of \p roots; a host that several have is taken from the first. What does not exist or cannot be read
/// says nothing. Blocking.
certificate_directories read_certificates(const std::vector<std::filesystem::path>& roots);

/// The certificates for an origin. A directory without port speaks for port 443. \param host without brackets
const host_certificates* find_certificates(const certificate_directories& all, const std::string& host, std::uint16_t port);

}  // namespace gantry::config
