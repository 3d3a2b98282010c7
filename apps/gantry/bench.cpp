#include "bench_report.hpp"
#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "failure_report.hpp"
#include "image_names.hpp"
#include "options.hpp"
#include "pull_plan.hpp"
#include "session.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace gantry::app {
namespace {

// What the automatic number may come to.
constexpr unsigned most_automatic = 16;

bench_options options_of(const bench_arguments& arguments) {
  bench_options options;
  options.image_platform = arguments.image_platform;
  options.jobs = arguments.jobs;
  options.time_each = arguments.time_each;
  options.directory = arguments.directory;
  return options;
}

outcome<int> bench(const bench_arguments& arguments, console& output) {
  auto image = parse_remote_image(arguments.image, arguments.registry);
  if (!image) return image.error();
  if (!arguments.directory.empty() && kind_of_path(arguments.directory) != path_kind::directory) {
    return problem(exit_code::not_found, fmt::format("--to-disk: {} is not a directory", arguments.directory));
  }
  const std::vector<image_request> named(1, *image);
  auto settings = make_engine_options(arguments.common, arguments.registry, registries_of(named), process_environment(), false, output);
  if (!settings) return settings.error();
  settings->jobs = 1;
  for (const unsigned jobs : arguments.jobs) settings->jobs = std::max(settings->jobs, jobs == 0 ? most_automatic : jobs);

  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine meter(std::move(*settings));
  output.measures(arguments.jobs);
  const auto measure = [&](const reference& name) {
    bench_options options = options_of(arguments);
    return work.run<bench_result>(options, name.familiar(), [&](diagnostics& text, auto token) {
      meter.async_bench(name, std::move(options), text, std::move(token));
    });
  };
  reference name = image->image;
  answer<bench_result> measured = measure(name);
  if (measured.ec == make_error_code(errc::not_found) && image->fallback) {
    output.note(fmt::format("{} is not there, trying {}", name.string(), image->fallback->string()));
    name = *image->fallback;
    measured = measure(name);
  }
  if (measured.ec) {
    stop_cause cause;
    cause.signal = work.stop_signal();
    cause.kept = false;
    if (work.timed_out()) cause.timed_out = arguments.common.timeout;
    const error_report report = report_failure(measured.ec, measured.text, cause, name.string());
    output.error(report);
    return report.exit_code;
  }
  return print_result(arguments.common.json ? bench_json(measured.result) : bench_table(measured.result));
}

}  // namespace

int bench_command(std::vector<std::string> words) {
  auto parsed = parse_bench(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<bench_arguments>(*parsed);
  return run_with_console(arguments.common, [&arguments](console& output) { return bench(arguments, output); });
}

}  // namespace gantry::app
