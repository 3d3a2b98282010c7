#include "serve/catalogue.hpp"

#include "model/reference_grammar.hpp"

#include <algorithm>
#include <set>

namespace gantry::serve {
namespace {

constexpr std::string_view docker_hub = "docker.io";

/// Registries that are one under several names.
std::string registry_of(std::string_view host) {
  if (host == "index.docker.io" || host == "registry-1.docker.io" || host == "registry.hub.docker.com") return std::string(docker_hub);
  return std::string(host);
}

/// Docker's default namespace is filled in where there is none.
std::vector<repository> below(const std::string& registry, std::string_view name) {
  std::vector<repository> possible;
  if (registry == docker_hub && name.find('/') == std::string_view::npos) possible.push_back({registry, "library/" + std::string(name)});
  possible.push_back({registry, std::string(name)});
  return possible;
}

/// As docker tells a registry from a namespace.
bool is_registry(std::string_view first) { return first.find_first_of(".:") != std::string_view::npos || first == "localhost"; }

/// `host_5000` -> `host:5000`
std::optional<std::string> with_colon(std::string_view first) {
  const std::size_t mark = first.rfind('_');
  if (mark == std::string_view::npos || mark == 0) return std::nullopt;
  const std::string_view port = first.substr(mark + 1);
  if (port.empty() || port.size() > 5 || port.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  return std::string(first.substr(0, mark)) + ":" + std::string(port);
}

template <class T>
void add_new(std::vector<T>& list, const T& value) {
  if (std::find(list.begin(), list.end(), value) == list.end()) list.push_back(value);
}

}  // namespace

page cut_page(const std::vector<std::string>& names, const page_request& wanted, std::size_t most) {
  const auto begin = wanted.last.empty() ? names.begin() : std::upper_bound(names.begin(), names.end(), wanted.last);
  const auto left = static_cast<std::size_t>(names.end() - begin);
  const std::size_t count = std::min({left, most, wanted.count.value_or(most)});
  page cut;
  cut.names.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  cut.more = count != 0 && count < left;
  return cut;
}

std::vector<repository> candidates(std::string_view name, std::string_view ns, std::string_view preferred) {
  std::vector<repository> possible;
  if (!ns.empty()) return below(registry_of(ns), name);
  const std::size_t slash = name.find('/');
  if (slash != std::string_view::npos) {
    const std::string_view first = name.substr(0, slash);
    const std::string_view rest = name.substr(slash + 1);
    if (is_registry(first)) {
      for (const repository& one : below(registry_of(first), rest)) add_new(possible, one);
    }
    if (const auto host = with_colon(first)) add_new(possible, repository{*host, std::string(rest)});
  }
  // What looks like a host and port is no repository of anybody.
  if (!model::is_repository(name)) return possible;
  for (const repository& one : below(std::string(preferred.empty() ? docker_hub : preferred), name)) add_new(possible, one);
  return possible;
}

std::string served_name(const repository& where) {
  std::string registry = where.registry;
  std::replace(registry.begin(), registry.end(), ':', '_');
  return registry + "/" + where.name;
}

reference name_of(const repository& where, const std::string& tag, const digest& value) {
  error_code ec;
  std::string text = where.registry + "/" + where.name;
  if (!value && !tag.empty()) text += ":" + tag;
  if (value) text += "@" + value.string();
  reference name = reference::parse(text, ec);
  if (ec || name.registry() != where.registry || name.repository() != where.name) return {};
  return name;
}

catalogue::catalogue(const std::vector<store::reference_record>& records) {
  for (const store::reference_record& record : records) {
    const repository where{record.name.registry(), record.name.repository()};
    const auto [place, added] = repositories_.try_emplace(where);
    if (added) {
      registries_of_.emplace(where.name, where.registry);
      names_.push_back(served_name(where));
    }
    if (!record.name.digest()) place->second.tags.push_back(record.name.tag());
    // A manifest may stand there for several platforms, and be the top itself.
    std::set<digest> documents{record.top.digest};
    place->second.tops.emplace(record.top.digest, record.top);
    for (const descriptor& manifest : record.manifests) {
      place->second.tops.emplace(manifest.digest, manifest);
      documents.insert(manifest.digest);
    }
    for (const digest& one : documents) place->second.names_of.emplace(one, record.name);
  }
  for (auto& [where, held] : repositories_) std::sort(held.tags.begin(), held.tags.end());
  std::sort(names_.begin(), names_.end());
}

found_repository catalogue::find(std::string_view name, std::string_view ns, std::string_view preferred) const {
  found_repository found;
  for (const repository& one : candidates(name, ns, preferred)) {
    if (!repositories_.contains(one)) continue;
    found.only = one;
    return found;
  }
  // Who stands behind an upstream means that one: the name would bring another's image for as long as the store has it.
  if (!ns.empty() || !preferred.empty()) return found;
  const auto [begin, end] = registries_of_.equal_range(std::string(name));
  for (auto one = begin; one != end; ++one) found.ambiguous.push_back({one->second, std::string(name)});
  if (found.ambiguous.size() == 1) {
    found.only = found.ambiguous.front();
    found.ambiguous.clear();
  }
  return found;
}

const std::vector<std::string>* catalogue::tags(const repository& where) const {
  const auto found = repositories_.find(where);
  return found == repositories_.end() ? nullptr : &found->second.tags;
}

std::vector<descriptor> catalogue::documents(const repository& where) const {
  std::vector<descriptor> all;
  const auto found = repositories_.find(where);
  if (found == repositories_.end()) return all;
  for (const auto& [digest, document] : found->second.tops) all.push_back(document);
  return all;
}

const descriptor* catalogue::document(const repository& where, const digest& value) const {
  const auto found = repositories_.find(where);
  if (found == repositories_.end()) return nullptr;
  const auto named = found->second.tops.find(value);
  return named == found->second.tops.end() ? nullptr : &named->second;
}

std::vector<reference> catalogue::names_of(const repository& where, const digest& document) const {
  std::vector<reference> names;
  const auto found = repositories_.find(where);
  if (found == repositories_.end()) return names;
  const auto [begin, end] = found->second.names_of.equal_range(document);
  for (auto one = begin; one != end; ++one) names.push_back(one->second);
  return names;
}

}  // namespace gantry::serve
