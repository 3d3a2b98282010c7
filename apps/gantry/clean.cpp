#include "command.hpp"
#include "progress/terminal.hpp"
#include "progress/text.hpp"
#include "store_options.hpp"
#include "store_results.hpp"
#include "store_session.hpp"

#include <gantry/engine.hpp>
#include <gantry/format.hpp>

#include <fmt/format.h>

#include <chrono>
#include <iostream>

namespace gantry::app {
namespace {

constexpr int standard_input = 0;
constexpr int standard_error = 2;

answer<clean_result> clean(engine& keeper, session& work, const clean_arguments& arguments, bool dry_run) {
  clean_options options;
  options.references = arguments.references;
  options.all = arguments.all;
  if (arguments.older_than) options.older_than = std::chrono::duration_cast<std::chrono::seconds>(*arguments.older_than);
  options.max_size = arguments.max_size;
  options.dry_run = dry_run;
  return work.run<clean_result>(options, "cleaning up",
                                [&](diagnostics& text, auto token) { keeper.async_clean(std::move(options), text, std::move(token)); });
}

bool agrees(const std::string& question) {
  std::string text = message_text(severity::note, question + " [y/N]", false, known_columns(standard_error));
  text.back() = ' ';  // what is typed stands behind it
  write_all(standard_error, text);
  std::string line;
  std::getline(std::cin, line);
  return line == "y" || line == "Y" || line == "yes";
}

/// Asks before everything goes. The session that looks is over by then, so that Ctrl-C ends the question like any program.
outcome<int> ask(const clean_arguments& arguments, console& output) {
  answer<clean_result> seen;
  {
    session work(output, std::nullopt);
    engine keeper(store_engine_options(arguments.common, work));
    seen = clean(keeper, work, arguments, true);
    if (seen.ec) return fail(seen, work, output, "the store cannot be cleaned up");
  }
  const auto& all = seen.result;
  if (agrees(fmt::format("remove everything, {} and {}, {}, from {}?", counted(all.references.size(), "name"),
                         counted(all.blobs.size(), "blob"), format_bytes(all.freed), all.directory)))
    return 0;
  return problem(exit_code::failed, "nothing was removed");
}

outcome<int> clean_up(const clean_arguments& arguments, console& output) {
  if (arguments.all && !arguments.force && !arguments.dry_run) {
    if (!is_terminal(standard_input) || !is_terminal(standard_error)) {
      return usage_problem("--all asks before it removes everything, and there is no terminal to ask on",
                           "--force removes without a question, --dry-run only tells what would go");
    }
    auto asked = ask(arguments, output);
    if (!asked || *asked != 0) return asked;
  }
  session work(output, std::nullopt);
  engine keeper(store_engine_options(arguments.common, work));
  const auto done = clean(keeper, work, arguments, arguments.dry_run);
  if (done.ec) return fail(done, work, output, "the store cannot be cleaned up");
  output.note(clean_text(done.result, arguments.dry_run));
  return print_result(arguments.common.json ? clean_json(done.result, arguments.dry_run) : clean_lines(done.result));
}

}  // namespace

int clean_command(std::vector<std::string> words) {
  auto parsed = parse_clean(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<clean_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return clean_up(arguments, output); });
}

}  // namespace gantry::app
