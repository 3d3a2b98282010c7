#include "jobs/explain.hpp"

#include "net/system_authorities.hpp"
#include "store/content_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gantry::jobs {
namespace {

constexpr const char* by_option = "option";
constexpr const char* by_environment = "environment";
constexpr const char* by_default = "default";
constexpr const char* by_docker = "docker's daemon.json";

explained_fact credential_fact(const registry::endpoint_view& seen) {
  if (!seen.user) return {"credential", "none, anonymous", seen.absence.empty() ? by_default : seen.absence};
  const bool token = seen.user->username.empty();
  return {"credential", token ? std::string("a token") : fmt::format("user {}", seen.user->username), seen.user->origin};
}

std::string authorities_of(const net::tls_settings& tls) {
  const net::authority_places system = net::authority_places::find();
  std::vector<std::string> parts;
  if (!system.bundle_by_variable && !system.directories_by_variable) {
    parts.emplace_back("the system's");
  } else {
    parts.push_back(system.bundle_by_variable ? system.bundle.string() : fmt::format("the system's bundle {}", system.bundle.string()));
    parts.push_back(system.directories_by_variable ? system.directories : fmt::format("the system's directory {}", system.directories));
  }
  for (const std::filesystem::path& source : tls.ca_files) {
    // Several variables may name one file.
    if (std::find(parts.begin(), parts.end(), source.string()) == parts.end()) parts.push_back(source.string());
  }
  std::string text = parts.front();
  for (std::size_t i = 1; i < parts.size(); ++i) text += (i == 1 ? " and " : ", ") + parts[i];
  return text;
}

/// All who have a part in it.
std::string origin_of_authorities(const net::tls_settings& tls, const engine_options& options) {
  std::string text;
  const auto add = [&text](const char* who) { text += (text.empty() ? "" : ", ") + std::string(who); };
  const std::size_t general = (options.ca_cert.empty() ? 0 : 1) + options.ca_bundles.size();
  if (!options.ca_cert.empty()) add(by_option);
  if (!options.ca_bundles.empty()) add(by_environment);
  if (tls.ca_files.size() > general) add("certs.d");
  const net::authority_places system = net::authority_places::find();
  if (system.bundle_by_variable) add("SSL_CERT_FILE");
  if (system.directories_by_variable) add("SSL_CERT_DIR");
  return text.empty() ? by_default : text;
}

std::string list_of(const std::set<std::string>& registries) {
  if (registries.contains("*")) return "every registry";
  return fmt::format("{}", fmt::join(registries, ", "));
}

explained_endpoint endpoint_of(const registry::endpoint_view& seen, const engine_options& options) {
  explained_endpoint endpoint;
  endpoint.url = seen.origin.string();
  endpoint.origin = seen.how.source.empty() ? by_default : seen.how.source;
  endpoint.is_mirror = seen.how.is_mirror;
  const auto add = [&endpoint](const char* name, std::string value, std::string origin) {
    endpoint.facts.push_back({name, std::move(value), std::move(origin)});
  };
  endpoint.facts.push_back(credential_fact(seen));
  if (seen.how.is_mirror) {
    add("asked_for", seen.how.tags ? "tags and content" : "content by digest", endpoint.origin);
    add("repository", seen.how.repository, endpoint.origin);
  }
  const bool chosen = options.proxies.loopback;  // a proxy that was named by hand
  const bool said = !(seen.origin.is_tls() ? options.proxies.https : options.proxies.http).empty();
  add("proxy", seen.route.via ? seen.route.via->string() : "none",
      !seen.route.via ? by_default
      : chosen        ? by_option
      : said          ? by_environment
                      : by_docker);
  if (!seen.origin.is_tls()) {
    add("transport", "plain http", seen.how.plain_http ? endpoint.origin : by_option);
    return endpoint;
  }
  const bool here = seen.may_fall_back && !seen.how.insecure;
  add("transport",
      here                 ? "https, else plain http: it is this machine"
      : seen.may_fall_back ? "https, else plain http"
                           : "https",
      seen.how.insecure || seen.how.tls_only ? endpoint.origin : by_default);
  const bool verified = seen.route.tls.verify;
  add("certificate", verified ? "verified" : "not verified", verified ? by_default : seen.how.insecure ? endpoint.origin : by_option);
  add("ca", authorities_of(seen.route.tls), origin_of_authorities(seen.route.tls, options));
  if (seen.route.tls.shown) add("client_certificate", seen.route.tls.shown->certificate.string(), "certs.d");
  return endpoint;
}

/// Which variable the usual place of the store hangs on.
const char* origin_of_usual_store() {
  for (const char* name : {"GANTRY_CACHE_DIR", "XDG_CACHE_HOME"}) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return name;
  }
  return by_default;
}

std::vector<explained_fact> settings_of(const engine_options& options, unsigned jobs) {
  std::vector<explained_fact> facts;
  if (!options.cache_dir.empty()) {
    facts.push_back({"store", options.cache_dir, by_option});
  } else if (const auto usual = store::content_store::default_root()) {
    facts.push_back({"store", usual->string(), origin_of_usual_store()});
  } else {
    facts.push_back({"store", "none", usual.error().text.message()});
  }
  facts.push_back({"connections", options.jobs == 0 ? fmt::format("auto, up to {}", jobs) : fmt::format("{}", jobs),
                   options.jobs == 0 ? by_default : by_option});
  if (!options.insecure.empty()) facts.push_back({"not_verified", list_of(options.insecure), by_option});
  if (!options.plain_http.empty()) facts.push_back({"plain_http", list_of(options.plain_http), by_option});
  return facts;
}

}  // namespace

task<result<explanation>> explain(registry::registry_client& registry, const engine_options& options, unsigned jobs, reference image,
                                  runtime::stop_source& stop) {
  explanation told;
  told.reference = image;
  const auto seen = co_await registry.view(image, stop);
  if (!seen) co_return seen.error();
  for (const registry::endpoint_view& one : *seen) told.endpoints.push_back(endpoint_of(one, options));
  told.settings = settings_of(options, jobs);
  co_return told;
}

}  // namespace gantry::jobs
