#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "explain_options.hpp"
#include "explanation_text.hpp"
#include "failure_report.hpp"
#include "image_names.hpp"
#include "session.hpp"
#include "standard_output.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

outcome<int> explain(const explain_arguments& arguments, const environment& variables, console& output) {
  auto image = parse_remote_image(arguments.image, arguments.registry);
  if (!image) return image.error();
  auto settings = make_engine_options(arguments.common, arguments.registry, {image->image.registry()}, variables, false, output);
  if (!settings) return settings.error();
  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine asked(std::move(*settings));
  explain_options options;
  const auto answer = work.run<explanation>(options, image->image.familiar(), [&](diagnostics& text, auto token) {
    asked.async_explain(image->image, options, text, std::move(token));
  });
  if (answer.ec) return work.fail(answer.ec, answer.text, image->image.string());
  if (image->fallback) output.note(fmt::format("when it is not there, {} is tried", image->fallback->string()));
  return print_result(arguments.common.json ? explanation_json(answer.result, arguments.common)
                                            : explanation_text(answer.result, arguments.common, variables, result_width()));
}

}  // namespace

int explain_command(std::vector<std::string> words) {
  auto parsed = parse_explain(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<explain_arguments>(*parsed);
  return run_with_console(arguments.common, [&arguments](console& output) { return explain(arguments, process_environment(), output); });
}

}  // namespace gantry::app
