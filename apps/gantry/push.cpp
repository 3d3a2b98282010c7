#include "failure_report.hpp"
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

/// Why an image is not there.
std::string text_of(const push_failure& missing) {
  const std::string text = fmt::format("{} is not written: {}", missing.target.string(), missing.message);
  return with_server_words(text, missing.server_message);
}

std::string json(const push_result& result, bool dry_run) {
  std::vector<std::string> images;
  for (const auto& image : result.images) {
    json_object one;
    one.add("name", image.target.string()).add("digest", image.top.digest.string()).add("unchanged", image.unchanged);
    images.push_back(one.string());
  }
  std::vector<std::string> failed;
  for (const auto& missing : result.failed) {
    json_object one;
    one.add("name", missing.target.string()).add("error", missing.message);
    if (!missing.server_message.empty()) one.add("server_message", missing.server_message);
    failed.push_back(one.string());
  }
  json_object all;
  all.add("version", std::uint64_t{1}).add("dry_run", dry_run).add_raw("images", json_array(images)).add_raw("failed", json_array(failed));
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
  output.resolves_targets(arguments.dry_run);
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
  for (const auto& missing : ended.result.failed) {
    output.failed(missing.target);
    output.warn(text_of(missing));
  }
  output.summary(totals_of(ended.result, arguments.dry_run));
  if (ended.result.failed.empty()) return output.end(written, static_cast<int>(exit_code::done));
  const std::size_t asked = ended.result.images.size() + ended.result.failed.size();
  // As with lists: where nothing came, the first failure says what kind of trouble it is.
  const exit_code status = ended.result.images.empty() ? exit_code_of(ended.result.failed.front().code) : exit_code::partial;
  return output.end(
      written, fail(report_problem(problem(status, fmt::format("{} of {} images are not written", ended.result.failed.size(), asked)))));
}

}  // namespace

int push_command(std::vector<std::string> words) {
  return run_parsed<push_arguments>(parse_push(std::move(words), path_is_there), [](const push_arguments& arguments) {
    return run_with_console(arguments.common, [&arguments](console& output) { return outcome<int>(push(arguments, output)); });
  });
}

}  // namespace gantry::app
