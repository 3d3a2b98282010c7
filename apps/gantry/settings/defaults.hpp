#pragma once

#include "environment.hpp"
#include "outcome.hpp"
#include "settings/settings_text.hpp"

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// An option that may have a default of the user's.
struct settable_option {
  enum class kind {
    value,  ///< a string or a number
    word,   ///< a string
    path,   ///< a string: an absolute path, or one that begins with `~/`
    flag,   ///< `true` or `false`
    hosts,  ///< a list of hosts
    list,   ///< a string or a list of strings
  };

  const char* name;  ///< long spelling, without dashes
  kind type;
  const char* usual;      ///< its default, for people
  const char* commands;   ///< those that take it from the file, separated by spaces; empty: all that have it
  const char* gives_way;  ///< options of the command line that leave no place for it, separated by spaces
  const char* variables;  ///< of the environment that say the same and win, separated by spaces
};

std::span<const settable_option> settable_options();
const settable_option* find_settable(std::string_view name);

/// The advice for \p name, which is no setting: the nearest one, else what settings look like.
std::string nearest_setting(const std::string& name);

/// What the user's file says.
struct user_defaults {
  std::string file;  ///< empty: there is none
  std::vector<setting> settings;
};

/// Where the file is: `$GANTRY_CONFIG`, else `gantry/config.json` in `$XDG_CONFIG_HOME` or `~/.config`. Empty when nobody knows. Pure.
std::string settings_path(const environment& variables);

/// Checks names and kinds of what was read; paths lose their `~`. Pure but for \p known_options.
/// \param known_options every long option of the program, for what cannot have a default
outcome<user_defaults> check_settings(user_defaults read, const environment& variables, const std::vector<std::string>& known_options);

/// Reads the file of this process once. A file that is not there is no file, unless `$GANTRY_CONFIG` names it.
outcome<user_defaults> load_user_defaults(const environment& variables);

/// Where parsers of options take defaults from; empty, the initial state: nowhere. Called when a command line was read without mistakes, so
/// that `--help` never depends on the file.
using defaults_source = std::function<outcome<user_defaults>()>;
defaults_source& current_defaults();

/// `FILE, line N`, as origins and messages have it.
std::string place_of(const user_defaults& defaults, const setting& one);

}  // namespace gantry::app
