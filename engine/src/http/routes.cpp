#include "http/routes.hpp"

#include <utility>

namespace gantry::http {

result<net::endpoint> routes::find(const origin& where) const {
  net::endpoint route;
  const result<std::optional<config::proxy>> via = proxies.choose(where.scheme, where.host, where.port);
  if (!via) return via.error();
  route.via = *via;
  if (route.via && route.via->kind == config::proxy_kind::https) route.proxy_tls.ca_files = ca_files;
  if (!where.is_tls()) return route;

  route.tls.verify = !unverified.contains("*") && !unverified.contains(where.authority());
  route.tls.ca_files = ca_files;
  const config::host_certificates* named = config::find_certificates(certificates, where.host, where.port);
  if (const auto alias = aliases.find(where.authority()); named == nullptr && alias != aliases.end()) {
    named = config::find_certificates(certificates, alias->second, where.port);
  }
  if (named == nullptr) return route;
  if (named->problem) return *named->problem;
  route.tls.ca_files.insert(route.tls.ca_files.end(), named->authorities.begin(), named->authorities.end());
  if (named->client) route.tls.shown = net::client_certificate{named->client->first, named->client->second};
  return route;
}

}  // namespace gantry::http
