#include "jobs/explain.hpp"

#include "store/content_store.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <set>
#include <utility>

namespace gantry::jobs {
namespace {

constexpr const char* by_option = "option";
constexpr const char* by_default = "default";

bool names(const std::set<std::string>& registries, const std::string& registry) {
  return registries.contains(registry) || registries.contains("*");
}

explained_fact credential_fact(const registry::endpoint_view& seen) {
  if (!seen.user) return {"credential", "none, anonymous", seen.absence.empty() ? by_default : seen.absence};
  const bool token = seen.user->username.empty();
  return {"credential", token ? std::string("a token") : fmt::format("user {}", seen.user->username), seen.user->origin};
}

explained_endpoint endpoint_of(const registry::endpoint_view& seen, const engine_options& options, const std::string& registry) {
  explained_endpoint endpoint;
  endpoint.url = seen.origin.string();
  endpoint.origin = by_default;
  const auto add = [&endpoint](const char* name, std::string value, std::string origin) {
    endpoint.facts.push_back({name, std::move(value), std::move(origin)});
  };
  endpoint.facts.push_back(credential_fact(seen));
  if (!seen.origin.is_tls()) {
    add("transport", "plain http", by_option);
    return endpoint;
  }
  add("transport", seen.may_fall_back ? "https, else plain http: it is this machine" : "https", by_default);
  const bool insecure = names(options.insecure, registry);
  add("certificate", insecure ? "not verified" : "verified", insecure ? by_option : by_default);
  if (options.ca_cert.empty()) {
    add("ca", "the system's", by_default);
  } else {
    add("ca", fmt::format("the system's and {}", options.ca_cert.string()), by_option);
  }
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
    facts.push_back({"store", options.cache_dir.string(), by_option});
  } else if (const auto usual = store::content_store::default_root()) {
    facts.push_back({"store", usual->string(), origin_of_usual_store()});
  } else {
    facts.push_back({"store", "none", usual.error().text.message()});
  }
  facts.push_back({"connections", options.jobs == 0 ? fmt::format("auto, up to {}", jobs) : fmt::format("{}", jobs),
                   options.jobs == 0 ? by_default : by_option});
  return facts;
}

}  // namespace

task<result<explanation>> explain(registry::registry_client& registry, const engine_options& options, unsigned jobs, reference image) {
  explanation told;
  told.reference = image;
  const auto seen = co_await registry.view(image);
  if (!seen) co_return seen.error();
  told.endpoints.push_back(endpoint_of(*seen, options, image.registry()));
  told.settings = settings_of(options, jobs);
  co_return told;
}

}  // namespace gantry::jobs
