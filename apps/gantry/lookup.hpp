#pragma once

#include "command.hpp"
#include "console.hpp"
#include "engine_setup.hpp"
#include "environment.hpp"
#include "failure_report.hpp"
#include "image_names.hpp"
#include "lookup_options.hpp"
#include "session.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gantry::app {

/// Runs one question: console, engine and session are set up, the answer's text goes to standard output, a failure is reported.
///
/// \param named the registries that the question is about
/// \param options of the operation
/// \param start calls an async_ function of the engine
/// \param print turns the result into the text that is printed, or says why it cannot be
/// \param otherwise called when the object is not found: whether \p start is to be called once more, for another one
/// \returns the exit status
template <class Result, class Options, class Start, class Print>
int run_lookup(const lookup_arguments& arguments, const std::set<std::string>& named, Options options, Start start, Print print,
               const std::function<bool(console&)>& otherwise = {}) {
  auto output = console::open(arguments.common);
  if (!output) return fail_early(output.error());
  const auto fail = [&](const error_report& report) {
    (*output)->error(report);
    return report.exit_code;
  };
  auto settings = make_engine_options(arguments.common, arguments.registry, named, process_environment(), false, **output);
  if (!settings) return fail(report_problem(settings.error()));
  session work(**output, arguments.common.timeout);
  settings->log = work.debug_log();
  engine asked(std::move(*settings));
  const auto ask = [&] {
    Options given = options;
    return work.template run<Result>(given, arguments.object,
                                     [&](diagnostics& text, auto token) { start(asked, std::move(given), text, std::move(token)); });
  };
  auto ended = ask();
  if (ended.ec == make_error_code(errc::not_found) && otherwise && otherwise(**output)) ended = ask();
  if (ended.ec) {
    return fail(report_failure(ended.ec, ended.text, work.cause(), arguments.object));
  }
  const outcome<std::string> text = print(ended.result);
  return text ? print_result(*text) : fail(report_problem(text.error()));
}

/// The same for questions about one image or repository: a name that is not found under `-r HOST` is tried below `library/`, and said.
/// \param falls_back whether it is; not where the name that was not meant would be changed
template <class Result, class Options, class Start, class Print>
int run_image_lookup(const lookup_arguments& arguments, const Options& options, Start start, Print print, bool falls_back = true) {
  bool asks_store = false;
  if constexpr (requires { options.offline; }) asks_store = options.offline;
  auto image = asks_store ? parse_image(arguments.object, arguments.registry) : parse_remote_image(arguments.object, arguments.registry);
  if (!image) return fail_early(image.error());
  reference name = image->image;
  // What is told of it, and what may be typed next, has the registry of -r in front.
  lookup_arguments whole = arguments;
  if (!arguments.registry.empty()) whole.object = name.familiar();
  const auto otherwise = [&](console& output) {
    if (!falls_back || !image->fallback) return false;
    output.note(fmt::format("{} is not there, trying {}", name.string(), image->fallback->string()));
    name = *image->fallback;
    return true;
  };
  return run_lookup<Result>(
      whole, registries_of(std::vector<image_request>(1, *image)), options,
      [&](engine& asked, Options settings, diagnostics& text, auto token) {
        start(asked, name, std::move(settings), text, std::move(token));
      },
      [&](const Result& result) { return print(name, result); }, otherwise);
}

/// What every command does with its words before it runs.
template <class Arguments, class Run>
int run_parsed(parsed<Arguments> words, Run run) {
  if (!words) return fail_early(words.error());
  if (const auto* help = std::get_if<help_text>(&*words)) return print_help(*help);
  return run(std::get<Arguments>(*words));
}

}  // namespace gantry::app
