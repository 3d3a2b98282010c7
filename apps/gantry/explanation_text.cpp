#include "explanation_text.hpp"

#include "json_line.hpp"

#include <fmt/format.h>

#include <string_view>
#include <vector>

namespace gantry::app {
namespace {

std::string shown_origin(const std::string& origin) {
  constexpr std::string_view option = "option";
  const bool first = origin.starts_with(option) && (origin.size() == option.size() || origin[option.size()] == ',');
  return first ? "command line" + origin.substr(option.size()) : origin;
}

std::string line_of(const explained_fact& fact) {
  std::string name = fact.name;
  for (char& c : name) c = c == '_' ? ' ' : c;
  return fmt::format("{:<20}{} ({})\n", name, fact.value, shown_origin(fact.origin));
}

void add_facts(json_object& into, const std::vector<explained_fact>& facts) {
  for (const auto& fact : facts) {
    into.add_raw(fact.name, json_object().add("value", fact.value).add("origin", shown_origin(fact.origin)).string());
  }
}

}  // namespace

std::string explanation_text(const explanation& told) {
  std::string text = told.reference.string() + "\n";
  std::size_t number = 0;
  for (const auto& endpoint : told.endpoints) {
    text +=
        fmt::format("{}. {} {} ({})\n", ++number, endpoint.is_mirror ? "mirror" : "registry", endpoint.url, shown_origin(endpoint.origin));
    for (const auto& fact : endpoint.facts) text += "   " + line_of(fact);
  }
  for (const auto& fact : told.settings) text += "   " + line_of(fact);
  return text;
}

std::string explanation_json(const explanation& told) {
  std::vector<std::string> endpoints;
  for (const auto& endpoint : told.endpoints) {
    json_object object;
    object.add("url", endpoint.url).add("origin", shown_origin(endpoint.origin)).add("mirror", endpoint.is_mirror);
    add_facts(object, endpoint.facts);
    endpoints.push_back(object.string());
  }
  json_object top;
  top.add("version", std::uint64_t{1}).add("reference", told.reference.string()).add_raw("endpoints", json_array(endpoints));
  add_facts(top, told.settings);
  return top.string() + "\n";
}

}  // namespace gantry::app
