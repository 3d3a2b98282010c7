#include "config/daemon_proxies.hpp"

#include "base/byte_order_mark.hpp"
#include "model/json.hpp"

#include <fmt/format.h>

namespace gantry::config {

result<proxy_settings> read_daemon_proxies(std::string_view text, const std::string& name) {
  namespace json = model::json;
  proxy_settings found;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return found;
  const json::shape proxies = json::object(
      {{"http-proxy", json::string(found.http)}, {"https-proxy", json::string(found.https)}, {"no-proxy", json::string(found.no_proxy)}});
  const json::shape top = json::object({{"proxies", proxies}});
  json::position where;
  if (const auto read = json::read(without_byte_order_mark(text), top, name, {}, &where); !read) {
    return failure(errc::invalid_option,
                   fmt::format("{} (line {}); --no-host-config leaves it aside", read.error().text.message(), where.line));
  }
  return found;
}

proxy_settings completed(proxy_settings said, const proxy_settings& more) {
  if (said.http.empty()) said.http = more.http;
  if (said.https.empty()) said.https = more.https;
  if (said.no_proxy.empty()) said.no_proxy = more.no_proxy;
  return said;
}

}  // namespace gantry::config
