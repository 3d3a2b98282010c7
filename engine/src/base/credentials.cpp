#include <gantry/credentials.hpp>

namespace gantry {

std::string credential_source::absence(const std::string&) { return {}; }

std::optional<credential> bound_credential::find(const std::string& registry, const std::string&, diagnostics&) {
  return registry == registry_ ? std::optional(value_) : std::nullopt;
}

std::optional<credential> credential_chain::find(const std::string& registry, const std::string& repository, diagnostics& problem) {
  for (const auto& source : sources_) {
    if (auto found = source->find(registry, repository, problem)) return found;
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
