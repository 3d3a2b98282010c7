#include "registry/scope.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>

namespace gantry::registry {
namespace {

using action_set = std::set<std::string, std::less<>>;

std::string join(const action_set& actions) {
  if (actions.contains("*")) return "*";
  std::string text;
  for (const std::string& action : actions) {
    if (!text.empty()) text += ',';
    text += action;
  }
  return text;
}

template <class Take>
void split(std::string_view text, char separator, Take take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

std::string repository_scope(std::string_view repository, std::vector<std::string> actions) {
  action_set wanted;
  for (std::string& action : actions) {
    if (!action.empty()) wanted.insert(std::move(action));
  }
  if (wanted.empty()) return {};
  std::string scope = "repository:";
  scope += repository;
  scope += ':';
  return scope + join(wanted);
}

std::vector<std::string> clean_scopes(const std::vector<std::string>& scopes) {
  std::map<std::string, action_set> resources;  // `type:name` to actions; names may hold colons, actions do not
  std::set<std::string> clean;
  for (const std::string& scope : scopes) {
    const std::size_t first = scope.find(':');
    const std::size_t last = scope.rfind(':');
    if (first == last) {
      if (!scope.empty()) clean.insert(scope);
      continue;
    }
    action_set& actions = resources[scope.substr(0, last)];
    split(std::string_view(scope).substr(last + 1), ',', [&](std::string_view action) { actions.emplace(action); });
  }
  for (const auto& [resource, actions] : resources) {
    if (!actions.empty()) clean.insert(resource + ':' + join(actions));
  }
  return {clean.begin(), clean.end()};
}

std::vector<std::string> parse_scopes(std::string_view parameter) {
  std::vector<std::string> scopes;
  split(parameter, ' ', [&](std::string_view scope) { scopes.emplace_back(scope); });
  return clean_scopes(scopes);
}

std::string join_scopes(std::string_view needed, std::string_view challenged) {
  const std::vector<std::string> asked = parse_scopes(challenged);
  std::vector<std::string> all = parse_scopes(needed);
  const auto resource = [](const std::string& scope) { return std::string_view(scope).substr(0, scope.rfind(':')); };
  const bool related = std::any_of(all.begin(), all.end(), [&](const std::string& own) {
    return std::any_of(asked.begin(), asked.end(), [&](const std::string& other) { return resource(own) == resource(other); });
  });
  if (!asked.empty() && !related) all.clear();
  all.insert(all.end(), asked.begin(), asked.end());
  std::string text;
  for (const std::string& scope : clean_scopes(all)) text += (text.empty() ? "" : " ") + scope;
  return text;
}

}  // namespace gantry::registry
