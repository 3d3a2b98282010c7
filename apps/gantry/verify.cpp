#include "command.hpp"
#include "engine_setup.hpp"
#include "store_options.hpp"
#include "store_results.hpp"
#include "store_session.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <chrono>
#include <set>
#include <string>
#include <utility>

namespace gantry::app {
namespace {

/// The registries of all names in the store: what is said of "the named registry" is said of them.
outcome<std::set<std::string>> registries_in_store(const verify_arguments& arguments, console& output) {
  session work(output, std::nullopt);
  engine keeper(store_engine_options(arguments.common, work));
  const auto answer = list_store(keeper, work, store_warnings::silent);
  if (answer.ec) return problem(exit_code_of(answer.ec), answer.text.message());
  std::set<std::string> registries;
  for (const auto& one : answer.result.references) registries.insert(one.reference.registry());
  return registries;
}

error_report damage_report(std::size_t left, const verify_result& found, bool repair) {
  const std::size_t records = damaged_records(found.damaged);
  const std::size_t blobs = left - records;
  error_report report;
  report.exit_code = static_cast<int>(exit_code::integrity);
  std::string what;
  if (blobs > 0)
    what = fmt::format("{} blob{} of the store {} damaged or missing", blobs, blobs == 1 ? "" : "s", blobs == 1 ? "is" : "are");
  if (records > 0) {
    what += fmt::format("{}{} name{} of the store {} a record that cannot be read", blobs > 0 ? ", and " : "", records,
                        records == 1 ? "" : "s", records == 1 ? "has" : "have");
  }
  report.message = std::move(what);
  report.hint = repair ? "what could not be fetched again can be removed with 'gantry clean REF'"
                       : "'gantry verify --repair' fetches them again from their registries";
  if (any_in_place(found.damaged))
    report.hint = "what is still in its place has to go first: see the warnings above for what keeps it there";
  if (blobs == 0) {
    report.hint = std::string(repair ? "" : "'gantry verify --repair' mends a name that has not moved; else ") +
                  "pull it again, which fetches only what is missing, or remove it with 'gantry clean REF'";
  }
  return report;
}

outcome<int> verify(const verify_arguments& arguments, console& output) {
  const auto begin = std::chrono::steady_clock::now();
  std::set<std::string> registries;
  if (arguments.repair) {
    auto found = registries_in_store(arguments, output);
    if (!found) return found.error();
    registries = std::move(*found);
  }
  auto settings = make_engine_options(arguments.common, std::string(), registries, process_environment(), false, output);
  if (!settings) return settings.error();
  output.checks();
  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine keeper(std::move(*settings));
  verify_options options;
  options.repair = arguments.repair;
  const auto answer = work.run<verify_result>(options, "checking the store", [&](diagnostics& text, auto token) {
    keeper.async_verify(std::move(options), text, std::move(token));
  });
  if (answer.ec) return fail(answer, work, output, "the store cannot be verified");
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  output.note(verify_text(answer.result, elapsed));
  if (const int status = print_result(arguments.common.json ? verify_json(answer.result) : verify_lines(answer.result)); status != 0)
    return status;
  const std::size_t left = unrepaired(answer.result, arguments.repair);
  if (left == 0) return 0;
  output.error(damage_report(left, answer.result, arguments.repair));
  return static_cast<int>(exit_code::integrity);
}

}  // namespace

int verify_command(std::vector<std::string> words) {
  auto parsed = parse_verify(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<verify_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return verify(arguments, output); });
}

}  // namespace gantry::app
