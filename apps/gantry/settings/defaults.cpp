#include "settings/defaults.hpp"

#include <gantry/words.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::app {
namespace {

using kind = settable_option::kind;

constexpr settable_option table[] = {
    {"jobs", kind::value, "auto", "", "", ""},
    {"max-per-host", kind::value, "16, or more with more connections", "", "", ""},
    {"limit-rate", kind::value, "none", "", "", ""},
    {"retries", kind::value, "5", "", "", ""},
    {"timeout", kind::value, "none", "", "", ""},
    {"cache-dir", kind::path, "~/.cache/gantry", "", "no-cache", "GANTRY_CACHE_DIR"},
    {"no-sync", kind::flag, "false", "", "", ""},
    {"authfile", kind::path, "~/.docker/config.json and its like", "", "", "REGISTRY_AUTH_FILE"},
    {"insecure", kind::hosts, "none", "", "", ""},
    {"plain-http", kind::hosts, "none", "", "", ""},
    {"ca-cert", kind::path, "the system's", "", "", ""},
    {"proxy", kind::word, "none", "", "", "HTTPS_PROXY https_proxy HTTP_PROXY http_proxy ALL_PROXY all_proxy"},
    {"mirror", kind::list, "none", "", "", ""},
    {"no-host-config", kind::flag, "false", "", "", ""},
    {"progress", kind::word, "auto", "", "quiet", ""},
    {"quiet", kind::flag, "false", "", "verbose debug", ""},
    {"verbose", kind::flag, "false", "", "quiet", ""},
    {"debug", kind::flag, "false", "", "quiet", ""},
    {"log-file", kind::path, "none", "", "", ""},
    {"platform", kind::word, "linux and this machine's architecture", "pull bench", "arch all-platforms", ""},
    {"arch", kind::word, "this machine's", "pull bench", "platform all-platforms", ""},
    {"format", kind::word, "docker", "pull save convert", "store-only", ""},
    {"gzip", kind::flag, "false", "pull save convert", "store-only load", ""},
};

const char* name_of(kind type) {
  switch (type) {
    case kind::value:
      return "a string or a number";
    case kind::word:
    case kind::path:
      return "a string";
    case kind::flag:
      return "true or false";
    case kind::hosts:
      return "a list of hosts";
    case kind::list:
      break;
  }
  return "a list of strings";
}

bool fits(kind wanted, const setting& given) {
  switch (wanted) {
    case kind::value:
      return given.type == setting::kind::text || given.type == setting::kind::number;
    case kind::word:
    case kind::path:
      return given.type == setting::kind::text;
    case kind::flag:
      return given.type == setting::kind::boolean;
    case kind::hosts:
    case kind::list:
      break;
  }
  return given.type == setting::kind::list || given.type == setting::kind::text;
}

/// The setting that another spelling of its option means; empty for other words.
std::string_view other_spelling(std::string_view name) {
  static constexpr std::pair<std::string_view, std::string_view> other_spellings[] = {{"workers", "jobs"},
                                                                                      {"max-concurrent", "jobs"},
                                                                                      {"max-concurrent-downloads", "jobs"},
                                                                                      {"retry-attempts", "retries"},
                                                                                      {"skip-tls", "insecure"}};
  for (const auto& [other, usual] : other_spellings) {
    if (name == other) return usual;
  }
  return {};
}

problem unknown(const std::string& place, const std::string& name, const std::vector<std::string>& known_options) {
  if (name == "username" || name == "password" || name.ends_with("-creds") || name == "password-stdin") {
    return usage_problem(fmt::format("{}: '{}' is no setting: credentials do not belong there", place, name),
                         "'gantry login REGISTRY' keeps them where they belong");
  }
  const bool is_option = std::find(known_options.begin(), known_options.end(), name) != known_options.end();
  if (is_option && other_spelling(name).empty()) {
    return usage_problem(fmt::format("{}: '{}' is for one command at a time and cannot have a default", place, name));
  }
  return usage_problem(fmt::format("{}: there is no setting '{}'", place, name), nearest_setting(name));
}

outcome<> make_absolute(const std::string& place, setting& one, const environment& variables) {
  std::string& path = one.values.front();
  if (path.starts_with("~/")) {
    const std::string home = variables("HOME");
    if (home.empty()) return usage_problem(fmt::format("{}: '{}' begins with ~, and HOME is not set", place, one.name));
    path.replace(0, 1, home);
  }
  if (path.starts_with('/')) return {};
  return usage_problem(fmt::format("{}: '{}' is relative to a directory that is another one each time: '{}'", place, one.name, path),
                       "write it from / or ~/ on");
}

}  // namespace

std::span<const settable_option> settable_options() { return table; }

const settable_option* find_settable(std::string_view name) {
  const auto found = std::find_if(std::begin(table), std::end(table), [&](const settable_option& one) { return name == one.name; });
  return found == std::end(table) ? nullptr : found;
}

std::string nearest_setting(const std::string& name) {
  if (const std::string_view usual = other_spelling(name); !usual.empty()) return did_you_mean(std::string(usual));
  std::vector<std::string> names;
  for (const settable_option& one : table) names.emplace_back(one.name);
  std::string hint = did_you_mean(closest(name, names));
  return hint.empty() ? "settings are long names of options, e.g. \"jobs\": 8" : hint;
}

std::string settings_path(const environment& variables) {
  if (std::string named = variables("GANTRY_CONFIG"); !named.empty()) return named;
  std::string base = variables("XDG_CONFIG_HOME");
  // The XDG specification: a relative path is to be ignored.
  if (!base.starts_with('/')) {
    base = variables("HOME");
    if (base.empty()) return {};
    base += "/.config";
  }
  return base + "/gantry/config.json";
}

std::string place_of(const user_defaults& defaults, const setting& one) { return fmt::format("{}, line {}", defaults.file, one.line); }

outcome<user_defaults> check_settings(user_defaults read, const environment& variables, const std::vector<std::string>& known_options) {
  for (setting& one : read.settings) {
    const std::string place = place_of(read, one);
    const settable_option* option = find_settable(one.name);
    if (option == nullptr) return unknown(place, one.name, known_options);
    if (!fits(option->type, one)) return usage_problem(fmt::format("{}: '{}' takes {}", place, one.name, name_of(option->type)));
    if (option->type == kind::path) {
      if (auto absolute = make_absolute(place, one, variables); !absolute) return absolute.error();
    }
    for (const std::string& value : one.values) {
      if (value.empty()) return usage_problem(fmt::format("{}: '{}' is empty", place, one.name), "leave it out for the usual value");
      // For one registry it is a decision, for whichever is named next it is an accident.
      if (option->type == kind::hosts && (value == "true" || value == "*"))
        return usage_problem(fmt::format("{}: '{}' takes the hosts that are meant, not all", place, one.name));
    }
  }
  return read;
}

defaults_source& current_defaults() {
  static defaults_source source;
  return source;
}

}  // namespace gantry::app
