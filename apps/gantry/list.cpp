#include "command.hpp"
#include "standard_output.hpp"
#include "store_options.hpp"
#include "store_results.hpp"
#include "store_session.hpp"

#include <gantry/engine.hpp>

#include <chrono>

namespace gantry::app {
namespace {

outcome<int> list(const list_arguments& arguments, console& output) {
  session work(output, std::nullopt);
  engine keeper(store_engine_options(arguments.common, work));
  const auto answer = list_store(keeper, work, store_warnings::shown);
  if (answer.ec) return fail(answer, work, output, "the store cannot be listed");
  if (!arguments.common.json) output.note(usage_text(answer.result));
  return print_result(arguments.common.json ? list_json(answer.result)
                                            : list_table(answer.result, std::chrono::system_clock::now(), result_width()));
}

}  // namespace

int list_command(std::vector<std::string> words) {
  auto parsed = parse_list(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<list_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return list(arguments, output); });
}

}  // namespace gantry::app
