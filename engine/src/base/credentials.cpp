#include <gantry/credentials.hpp>

namespace gantry {

std::optional<credential> credential_source::find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                                        const std::stop_token&) {
  return find(registry, repository, problem);
}

std::string credential_source::absence(const std::string&) { return {}; }

std::optional<credential> bound_credential::find(const std::string& registry, const std::string&, diagnostics&) {
  return registry == registry_ ? std::optional(value_) : std::nullopt;
}

std::string bound_credential::absence(const std::string& registry) { return registry == registry_ ? std::string() : elsewhere_; }

std::optional<credential> credential_chain::find(const std::string& registry, const std::string& repository, diagnostics& problem) {
  return find_until(registry, repository, problem, {});
}

std::optional<credential> credential_chain::find_until(const std::string& registry, const std::string& repository, diagnostics& problem,
                                                       const std::stop_token& stop) {
  for (const auto& source : sources_) {
    if (auto found = source->find_until(registry, repository, problem, stop)) return found;
    if (!problem.message().empty()) return std::nullopt;
  }
  return std::nullopt;
}

std::string credential_chain::absence(const std::string& registry) {
  std::string all;
  for (const auto& source : sources_) {
    const std::string one = source->absence(registry);
    if (!one.empty()) all += (all.empty() ? "" : "; ") + one;
  }
  return all;
}

}  // namespace gantry
