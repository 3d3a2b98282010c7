#include "manual/completion_options.hpp"

#include "option_parser.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::app {

outcome<std::variant<completion_arguments, help_text>> parse_completion(std::vector<std::string> words) {
  completion_arguments arguments;
  option_parser parser("gantry completion", "bash|zsh|fish",
                       "Print the script that teaches a shell the commands, options and stored images.");
  auto& app = parser.app();
  app.add_option("SHELL", arguments.shell)->type_name("")->group("");
  app.add_flag("--images", arguments.images, "Print the names of stored images instead, as the scripts ask for them")->group("What");
  add_store_options(parser, arguments.common, {.report = false, .json = false});
  // A script is the same for everybody; which store is looked into is not.
  if (std::find(words.begin(), words.end(), "--images") == words.end()) parser.ignore_defaults();
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<completion_arguments, help_text>(std::move(**help));
  if (arguments.shell.empty() == !arguments.images)
    return usage_problem("name one shell: bash, zsh or fish", "e.g. 'gantry completion bash'");
  const bool known = arguments.images || arguments.shell == "bash" || arguments.shell == "zsh" || arguments.shell == "fish";
  if (!known) return usage_problem(fmt::format("there is no completion for '{}', only for bash, zsh and fish", arguments.shell));
  return std::variant<completion_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
