#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "failure_report.hpp"
#include "options.hpp"
#include "output_places.hpp"
#include "pull_plan.hpp"
#include "puller.hpp"
#include "results.hpp"
#include "session.hpp"
#include "standard_output.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <iostream>
#include <system_error>
#include <utility>

namespace gantry::app {
namespace {

outcome<image_list> requested_images(const pull_arguments& arguments) {
  if (arguments.from == "-") return read_image_list(std::cin, "standard input", arguments.registry);
  if (!arguments.from.empty()) {
    std::ifstream file;
    if (auto opened = open_list(file, arguments.from); !opened) return opened.error();
    return read_image_list(file, arguments.from, arguments.registry);
  }
  std::vector<std::string> words = arguments.images;
  if (!arguments.repository.empty()) words.push_back(join_repository(arguments.repository, arguments.tag_or_digest));
  image_list asked;
  for (const auto& word : words) {
    auto image = arguments.offline ? parse_image(word, arguments.registry) : parse_remote_image(word, arguments.registry);
    if (!image) return image.error();
    asked.images.push_back(std::move(*image));
  }
  return asked;
}

outcome<> make_directory(const std::filesystem::path& directory) {
  if (directory.empty()) return {};
  std::error_code ec;
  std::filesystem::create_directories(directory, ec);
  if (ec) return problem(exit_code::storage, fmt::format("the directory {} cannot be created: {}", directory.string(), ec.message()));
  return {};
}

/// Before the network: each output has a name of its own, and a directory that takes it.
outcome<> check_outputs(const pull_arguments& arguments, const pull_plan& plan) {
  std::vector<output_place> places;
  for (const pull_step& step : plan.steps) {
    if (step.to == destination::file || step.to == destination::named) places.push_back({"the archive", step.path});
  }
  if (!arguments.digestfile.empty()) places.push_back({"--digestfile", arguments.digestfile});
  const std::vector<output_place> written = places;
  for (output_place& one : common_outputs(arguments.common)) places.push_back(std::move(one));
  if (auto apart = check_distinct(places); !apart) return apart;
  for (const output_place& one : written) {
    if (auto usable = check_directory(one, plan.new_directory); !usable) return usable;
  }
  return {};
}

/// On standard output, unless the archive goes there.
outcome<> write_results(const pull_arguments& arguments, const puller& done) {
  if (arguments.output == "-") return {};
  return write_result(arguments.common.json ? result_json(done.outputs(), done.failures()) : result_lines(done.outputs()));
}

outcome<> write_github_output(const environment& variables, const std::vector<image_output>& outputs, console& output) {
  const std::string path = variables("GITHUB_OUTPUT");
  if (path.empty() || outputs.empty()) return {};
  const auto [text, refused] = github_output(facts_of(outputs.front()));
  for (const auto& key : refused) output.warn(fmt::format("{} holds a control character and is not written to GITHUB_OUTPUT", key));
  return append_file(path, text);
}

outcome<int> pull(const pull_arguments& arguments, const environment& variables, bool from_environment, console& output) {
  const auto begin = std::chrono::steady_clock::now();
  auto asked = requested_images(arguments);
  if (!asked) return asked.error();
  const std::vector<image_request>& images = asked->images;
  auto plan = plan_pull(arguments, images, kind_of_path);
  if (!plan) return plan.error();
  if (auto usable = check_outputs(arguments, *plan); !usable) return usable.error();
  if (arguments.output == "-") {
    if (auto takes = check_takes_archive(); !takes) return takes.error();
  }
  common_options common = arguments.common;
  common.mirrors.insert(common.mirrors.end(), asked->mirrors.begin(), asked->mirrors.end());
  auto settings = make_engine_options(common, arguments.registry, registries_of(images), variables, from_environment, output);
  if (!settings) return settings.error();
  if (auto made = make_directory(plan->new_directory); !made) return made.error();

  session work(output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine mover(*settings);
  puller steps(mover, work, output, arguments);
  for (const auto& step : plan->steps) {
    steps.run(step);
    if (work.stopped()) break;
  }
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  output.stop_clock();  // a load command has gone on after the last operation
  std::vector<reference> names;
  for (const image_request& image : images) names.push_back(image.image);
  if (!arguments.offline) work.tell_mirrors(*settings, names);
  if (!steps.outputs().empty()) {
    const auto printed = write_results(arguments, steps);
    if (!arguments.digestfile.empty()) {
      if (auto written = write_file(arguments.digestfile, digest_lines(steps.outputs())); !written) return written.error();
    }
    if (from_environment) {
      if (auto written = write_github_output(variables, steps.outputs(), output); !written) return written.error();
    }
    run_summary summary = steps.summary();
    summary.elapsed = elapsed;
    output.summary(summary);
    return output.end(printed, steps.exit_status());
  }
  return steps.exit_status();
}

int run(const pull_arguments& arguments, bool from_environment) {
  const bool makes = makes_directory(arguments, kind_of_path(arguments.output));
  return run_with_console(
      arguments.common, [&](console& output) { return pull(arguments, process_environment(), from_environment, output); },
      makes ? std::filesystem::path(arguments.output) : std::filesystem::path());
}

int run_parsed(const outcome<std::variant<pull_arguments, help_text>>& parsed) {
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  return run(std::get<pull_arguments>(*parsed), false);
}

}  // namespace

int pull_command(std::vector<std::string> words) { return run_parsed(parse_pull(std::move(words))); }

int save_command(std::vector<std::string> words) { return run_parsed(parse_save(std::move(words))); }

std::optional<int> environment_command() {
  const environment variables = process_environment();
  const std::string image = variables("IMAGE_REF");
  if (image.empty()) return std::nullopt;
  // Read as a command line, so that the settings file counts here, too.
  const auto usual = parse_pull({"--", image});
  if (!usual) return fail_early(usual.error());
  auto arguments = environment_arguments(variables, std::get<pull_arguments>(*usual));
  if (!arguments) return fail_early(arguments.error());
  return run(**arguments, true);
}

}  // namespace gantry::app
