#include "manual/program_help.hpp"

#include "command.hpp"
#include "manual/examples.hpp"
#include "manual/help_page.hpp"
#include "manual/variables.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <string_view>

namespace gantry::app {
namespace {

std::string command_table() {
  std::string text;
  std::string_view group;
  for (const auto& verb : commands()) {
    if (group != verb.group) text += fmt::format("\n{}:\n", verb.group);
    group = verb.group;
    text += fmt::format("  {:<26}{}\n", *verb.usage == '\0' ? verb.name : fmt::format("{} {}", verb.name, verb.usage), verb.purpose);
  }
  return text +
         fmt::format("  {:<26}{}\n", "help [COMMAND]", "Print the options and examples of a command; --man in front of it: a manual page");
}

}  // namespace

std::string program_help(std::size_t width) {
  const std::string head = fmt::format(
      "gantry {} moves container images between registries, files and a local store, without a daemon.\n\n"
      "Usage: gantry COMMAND [OPTION...]\n",
      version());
  const std::string options =
      "\nOptions:\n"
      "  -h, --help                Print this help\n"
      "  --version                 Print the version\n";
  std::string examples = "\nExamples:\n";
  for (const std::string_view verb : {"pull", "copy", "sync"}) examples += first_example_text(verb, width);
  const std::string tail =
      "\ngantry help COMMAND: the options of a command, with examples\n"
      "\nDefaults for options stand in ~/.config/gantry/config.json, e.g. {\"jobs\": 8}; 'gantry explain IMAGE' says where each value "
      "comes from.\n\n" +
      mode_text() +
      "\n"
      "\nExit codes: 0 done, 1 failed, 2 usage, 3 not authorised, 4 not found, 5 integrity, 6 part of a list failed, 7 local storage, "
      "8 rate limited, 130 SIGINT, 141 nobody reads the result, 143 SIGTERM.\n";
  // Examples are for copying: they have a way of their own to go on in the next line.
  return wrap_table(head + command_table() + options, width) + examples + wrap_table(tail, width);
}

}  // namespace gantry::app
