#include "json_line.hpp"
#include "lookup.hpp"
#include "push_options.hpp"
#include "standard_output.hpp"

#include <fmt/format.h>

namespace gantry::app {
namespace {

/// `name digest`, one line an image; behind it in a dry run what would become of it, for it must not read like what is there.
std::string lines(const push_result& result, bool dry_run) {
  std::string text;
  for (const auto& image : result.images) {
    text += fmt::format("{} {}{}\n", image.target.string(), image.top.digest.string(), dry_run ? dry_run_word(image.unchanged) : "");
  }
  return text;
}

std::string json(const push_result& result, bool dry_run) {
  std::vector<std::string> images;
  for (const auto& image : result.images) {
    json_object one;
    one.add("name", image.target.string()).add("digest", image.top.digest.string()).add("unchanged", image.unchanged);
    images.push_back(one.string());
  }
  json_object all;
  all.add("version", std::uint64_t{1}).add("dry_run", dry_run).add_raw("images", json_array(images));
  add_counts(all, result);
  return all.string() + "\n";
}

upload_totals totals_of(const push_result& result, bool dry_run) {
  std::size_t unchanged = 0;
  for (const auto& image : result.images) unchanged += image.unchanged ? 1 : 0;
  return {result, result.images.size(), unchanged, result.elapsed, dry_run};
}

int push(const push_arguments& arguments, console& output) {
  const auto fail = [&](const error_report& report) {
    output.error(report);
    return report.exit_code;
  };
  const std::set<std::string> named{arguments.target_registry};
  auto settings = make_engine_options(arguments.common, arguments.registry, named, process_environment(), false, output);
  if (!settings) return fail(report_problem(settings.error()));
  output.resolves_targets();
  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine mover(std::move(*settings));
  push_options options;
  options.platforms = arguments.platforms;
  options.keep_compression = arguments.keep_compression;
  options.force_upload = arguments.force_upload;
  options.dry_run = arguments.dry_run;
  const auto ended = work.run<push_result>(options, arguments.object, [&](diagnostics& text, auto token) {
    mover.async_push(arguments.source, arguments.target, options, text, std::move(token));
  });
  if (ended.ec) return work.fail(ended.ec, ended.text, arguments.object);
  const std::string text = arguments.common.json ? json(ended.result, arguments.dry_run) : lines(ended.result, arguments.dry_run);
  const auto written = write_result(text);
  output.summary(totals_of(ended.result, arguments.dry_run));
  return output.end(written, static_cast<int>(exit_code::done));
}

}  // namespace

int push_command(std::vector<std::string> words) {
  return run_parsed<push_arguments>(parse_push(std::move(words), path_is_there), [](const push_arguments& arguments) {
    return run_with_console(arguments.common, [&arguments](console& output) { return outcome<int>(push(arguments, output)); });
  });
}

}  // namespace gantry::app
