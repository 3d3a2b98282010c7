#pragma once

#include "base/failure.hpp"
#include "config/certs_d.hpp"
#include "config/proxy.hpp"
#include "http/url.hpp"
#include "net/connector.hpp"

#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gantry::http {

/// How each origin is reached: which certificates count, which one is shown, through which proxy. What is said about one `host:port` holds
/// for it alone. Pure; used on the strand.
class routes {
 public:
  std::set<std::string> unverified;             ///< authorities whose certificate is not checked; "*": all
  std::vector<std::filesystem::path> ca_files;  ///< beside the system's, for every origin and for https proxies
  config::proxy_rules proxies;
  config::certificate_directories certificates;
  std::map<std::string, std::string> aliases;  ///< authority of an API to the registry that it belongs to, for \ref certificates

  /// The route to \p where; its host, port and security are the client's to fill in. errc::invalid_option: a proxy or a pair of client
  /// certificate and key that cannot be used.
  result<net::endpoint> find(const origin& where) const;
};

}  // namespace gantry::http
