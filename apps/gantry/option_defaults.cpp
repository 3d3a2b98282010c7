#include "environment.hpp"
#include "option_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

std::vector<std::string> words_of(const char* text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

bool contains(const char* text, std::string_view word) {
  const auto words = words_of(text);
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Whether \p command goes by what the file says of it.
bool is_of(const settable_option& known, const std::string& command) {
  return *known.commands == '\0' || contains(known.commands, command);
}

/// The variable that says what \p known would; empty: none is set.
std::string set_variable(const settable_option& known) {
  const environment variables = process_environment();
  for (const std::string& name : words_of(known.variables)) {
    if (!variables(name.c_str()).empty()) return name;
  }
  return {};
}

/// A terminal is not always there: what would be a mistake on the command line means no more than "where it can be".
std::string softened(const setting& one, const std::string& value) { return one.name == "progress" && value == "bar" ? "auto" : value; }

}  // namespace

bool option_parser::gives_way(const settable_option& known) const {
  for (const std::string& other : words_of(known.gives_way)) {
    const CLI::Option* given = app_.get_option_no_throw("--" + other);
    if (given != nullptr && given->count() > 0) return true;
  }
  return false;
}

outcome<std::string> option_parser::apply(const user_defaults& defaults, const setting& one) {
  const settable_option& known = *find_settable(one.name);
  CLI::Option* option = app_.get_option_no_throw("--" + one.name);
  const std::string command = name_of_command();
  if (option == nullptr || option->count() > 0) return std::string();
  if (!is_of(known, command)) return std::string();
  if (gives_way(known)) return std::string();
  if (!set_variable(known).empty()) {
    // Each of these variables speaks for a part of the hosts, and says nothing of the others.
    if (one.name == "proxy" && told_ != nullptr) {
      told_->spare_proxy = one.values.front();
      told_->spare_proxy_origin = place_of(defaults, one);
    }
    return std::string();
  }
  if (one.values.empty() || (known.type == settable_option::kind::flag && one.values.front() == "false")) return std::string();
  const std::string place = place_of(defaults, one);
  try {
    for (const std::string& value : one.values) option->add_result(softened(one, value));
    option->run_callback();
  } catch (const CLI::Error& error) {
    return usage_problem(fmt::format("{}: {}", place, error.what()));
  }
  if (refused_) return problem(refused_->code, fmt::format("{}: {}", place, refused_->message), refused_->hint);
  return place;
}

void option_parser::tell(const user_defaults& defaults, const std::map<std::string, std::string>& applied) {
  if (told_ == nullptr) return;
  told_->settings_file = defaults.file;
  for (const settable_option& known : settable_options()) {
    option_origin one{known.name, known.usual, "default"};
    const CLI::Option* option = app_.get_option_no_throw("--" + std::string(known.name));
    const auto written =
        std::find_if(defaults.settings.begin(), defaults.settings.end(), [&](const setting& s) { return s.name == known.name; });
    if (option != nullptr && option->count() > 0) {
      one.value = known.type == settable_option::kind::flag ? "true" : fmt::format("{}", fmt::join(option->results(), ", "));
      const auto place = applied.find(known.name);
      one.origin = place == applied.end() ? "command line" : place->second;
      // As the file has it, whatever it comes to here.
      if (place != applied.end()) one.value = fmt::format("{}", fmt::join(written->values, ", "));
    } else if (const std::string variable = set_variable(known); !variable.empty()) {
      one.value = process_environment()(variable.c_str());
      one.origin = variable;
    } else if (written != defaults.settings.end() && (option == nullptr || !is_of(known, name_of_command())) && !gives_way(known)) {
      // Of other commands, which would go by it.
      one.value = fmt::format("{}", fmt::join(written->values, ", "));
      one.origin = place_of(defaults, *written);
    }
    // The engine tells it without its password.
    if (one.option == "proxy" && one.origin != "default") one.value = "given";
    told_->origins.push_back(std::move(one));
  }
}

outcome<> option_parser::apply_defaults() {
  if (!takes_defaults_ || !current_defaults()) return {};
  const auto defaults = current_defaults()();
  if (!defaults) return defaults.error();
  // What stands in the file gives way to the command line alone, not to the line before it.
  std::map<std::string, std::string> applied;
  for (const setting& one : defaults->settings) {
    auto place = apply(*defaults, one);
    if (!place) return place.error();
    if (!place->empty()) applied.emplace(one.name, *place);
  }
  tell(*defaults, applied);
  return {};
}

}  // namespace gantry::app
