#pragma once

#include "http/url.hpp"
#include "net/tls.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace gantry::http {

/// What one place of the configuration says about the certificates of one `host:port`. It holds for the requests that come from that place
/// and for no others to the same address: they bring what their own place says. Pure.
struct trust {
  std::string authority;                           ///< `host:port` that it is about; redirects elsewhere leave it behind
  bool unverified = false;                         ///< any certificate does
  std::vector<std::filesystem::path> authorities;  ///< beside those that count anyway
  std::optional<net::client_certificate> shown;    ///< in place of the one that is shown anyway

  /// Adds what is said to \p settings, those of a connection to \p where.
  void apply(const origin& where, net::tls_settings& settings) const;
};

}  // namespace gantry::http
