#include "explanation_text.hpp"

#include "environment.hpp"
#include "json_line.hpp"
#include "utf8.hpp"
#include "values.hpp"

#include <gantry/network.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::app {
namespace {

/// Who it was: what the engine was told by its option came from the command line, or from a line of the settings file.
class origins {
 public:
  origins(const common_options& options, const environment& variables)
      : options_(options.origins), spare_proxy_(options.spare_proxy_origin), variables_(variables) {}

  /// \param fact what the engine explains
  /// \param origin one or, with commas between, all who had a part in it
  /// \param url the endpoint's, where it has one
  std::string of(std::string_view fact, const std::string& origin, std::string_view url = {}) const {
    std::string text;
    for (std::string_view rest = origin; !rest.empty();) {
      constexpr std::string_view between = ", ";
      const std::string_view one = rest.substr(0, rest.find(between));
      rest.remove_prefix(std::min(rest.size(), one.size() + between.size()));
      text += fmt::format("{}{}", text.empty() ? "" : between, name_of(fact, one, url));
    }
    return text;
  }

 private:
  std::string name_of(std::string_view fact, std::string_view origin, std::string_view url) const {
    if (origin == "option") return source_of(fact);
    if (origin == "--mirror") return source_of("mirror");
    if (origin != "environment") return std::string(origin);
    if (fact == "ca") return first_set({"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"});
    if (fact != "proxy") return std::string(origin);
    const bool tls = url.starts_with("https:");
    const std::string variable = tls ? first_set({"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"})
                                     : first_set({"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"});
    return variable == "environment" && !spare_proxy_.empty() ? spare_proxy_ : variable;
  }

  std::string first_set(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      if (!variables_(name).empty()) return name;
    }
    return "environment";
  }

  std::string source_of(std::string_view fact) const {
    static constexpr std::pair<std::string_view, std::string_view> by_option[] = {
        {"store", "cache-dir"},      {"connections", "jobs"},      {"proxy", "proxy"},
        {"ca", "ca-cert"},           {"not_verified", "insecure"}, {"certificate", "insecure"},
        {"transport", "plain-http"}, {"plain_http", "plain-http"}, {"mirror", "mirror"}};
    for (const auto& [name, option] : by_option) {
      if (name != fact) continue;
      for (const option_origin& one : options_) {
        if (one.option == option && one.origin != "default") return one.origin;
      }
    }
    return "command line";
  }

  const std::vector<option_origin>& options_;
  const std::string& spare_proxy_;
  const environment& variables_;
};

/// Lines of text: name, value and who said it.
class lines_of_facts {
 public:
  /// \param width columns of a terminal, 0: none. One too narrow for a column of values has no columns.
  explicit lines_of_facts(std::size_t width) : width_(width), narrow_(width != 0 && width < two_column_width) {}

  /// \param depth columns that the line is indented by
  void add(std::string_view name, const std::string& value, const std::string& origin, std::size_t depth = 0) {
    const std::string before(depth, ' ');
    put(narrow_ ? fmt::format("{}{}: {} ({})", before, name, value, origin) : fmt::format("{}{:<20}{} ({})", before, name, value, origin),
        depth + (narrow_ ? 2 : value_column));
  }
  /// \param next columns that what is wrapped is indented by
  void put(const std::string& line, std::size_t next) { text_ += (width_ == 0 ? line : wrap(line, width_, next)) + "\n"; }

  const std::string& text() const noexcept { return text_; }

 private:
  static constexpr std::size_t value_column = 20;
  static constexpr std::size_t two_column_width = 72;

  std::size_t width_;
  bool narrow_;
  std::string text_;
};

/// `client_certificate` as `client certificate`.
std::string in_words(std::string name) {
  for (char& c : name) c = c == '_' || c == '-' ? ' ' : c;
  return name;
}

void add_facts(json_object& into, const std::vector<explained_fact>& facts, const origins& who, std::string_view url = {}) {
  for (const auto& fact : facts) {
    into.add_raw(fact.name, json_object().add("value", fact.value).add("origin", who.of(fact.name, fact.origin, url)).string());
  }
}

/// Options that the engine says nothing about, or only in other words.
bool is_told_already(const option_origin& one) {
  static constexpr std::string_view told[] = {"cache-dir", "jobs", "proxy", "ca-cert", "insecure", "plain-http", "mirror", "authfile"};
  return std::find(std::begin(told), std::end(told), one.option) != std::end(told);
}

const option_origin* find_option(const common_options& options, std::string_view name) {
  const auto found = std::find_if(options.origins.begin(), options.origins.end(), [&](const auto& one) { return one.option == name; });
  return found == options.origins.end() ? nullptr : &*found;
}

/// Which of `platform` and `arch`, two words for one thing, says nothing since somebody chose the other alone. Nothing when both are
/// chosen.
std::string_view gives_way(const common_options& options) {
  const option_origin* const platform = find_option(options, "platform");
  const option_origin* const arch = find_option(options, "arch");
  if (platform == nullptr || arch == nullptr) return {};
  if (arch->origin == "default") return "arch";
  return platform->origin == "default" ? "platform" : std::string_view();
}

/// `arm64` as `linux/arm64`.
std::string whole_platforms(const std::string& architectures) {
  const auto list = parse_architectures(architectures);
  if (!list) return architectures;
  std::string text;
  for (const platform& one : *list) text += (text.empty() ? "" : ",") + to_string(one);
  return text;
}

}  // namespace

std::string explanation_text(const explanation& told, const common_options& options, const environment& variables, std::size_t width) {
  const origins who(options, variables);
  constexpr std::size_t below = 3;  // an endpoint's number
  lines_of_facts lines(width);
  lines.put(told.reference.string(), 0);
  std::size_t number = 0;
  for (const auto& endpoint : told.endpoints) {
    lines.put(fmt::format("{}. {} {} ({})", ++number, endpoint.is_mirror ? "mirror" : "registry", endpoint.url,
                          who.of("mirror", endpoint.origin)),
              below);
    for (const auto& fact : endpoint.facts) lines.add(in_words(fact.name), fact.value, who.of(fact.name, fact.origin, endpoint.url), below);
  }
  for (const auto& fact : told.settings) lines.add(in_words(fact.name), fact.value, who.of(fact.name, fact.origin));
  const std::string_view silent = gives_way(options);
  for (const auto& one : options.origins) {
    if (is_told_already(one) || one.option == silent) continue;
    if (one.option == "arch" && silent == "platform") {
      lines.add("platform", whole_platforms(one.value), one.origin + ": arch");
    } else {
      // As it is written in the file, so that it can be looked for there.
      lines.add(one.option, one.value, one.origin);
    }
  }
  if (!options.settings_file.empty()) lines.add("settings", options.settings_file, "read");
  return lines.text();
}

std::string explanation_json(const explanation& told, const common_options& options, const environment& variables) {
  const origins who(options, variables);
  std::vector<std::string> endpoints;
  for (const auto& endpoint : told.endpoints) {
    json_object object;
    object.add("url", endpoint.url).add("origin", who.of("mirror", endpoint.origin)).add("mirror", endpoint.is_mirror);
    add_facts(object, endpoint.facts, who, endpoint.url);
    endpoints.push_back(object.string());
  }
  json_object top;
  top.add("version", std::uint64_t{1}).add("reference", told.reference.string()).add_raw("endpoints", json_array(endpoints));
  add_facts(top, told.settings, who);
  json_object chosen;
  const bool by_arch = gives_way(options) == "platform";
  const option_origin* const platform = find_option(options, "platform");
  const bool by_platform = gives_way(options) == "arch" && platform->origin != "default";
  for (const auto& one : options.origins) {
    json_object told_as;
    const bool silent = (by_arch && one.option == "platform") || (by_platform && one.option == "arch");
    if (silent) told_as.add_raw("value", "null");
    if (!silent) told_as.add("value", one.value);
    chosen.add_raw(one.option, told_as.add("origin", one.origin).string());
  }
  top.add_raw("options", chosen.string());
  top.add_raw("settings_file", options.settings_file.empty() ? std::string("null") : json_quote(options.settings_file));
  return top.string() + "\n";
}

}  // namespace gantry::app
