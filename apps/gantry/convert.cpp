#include "command.hpp"
#include "convert_options.hpp"
#include "failure_report.hpp"
#include "file_words.hpp"
#include "output_places.hpp"
#include "results.hpp"
#include "standard_output.hpp"
#include "store_session.hpp"

#include <gantry/engine.hpp>

#include <fmt/format.h>

#include <vector>

namespace gantry::app {
namespace {

constexpr int standard_output = 1;

outcome<int> convert(const convert_arguments& arguments, console& output) {
  const bool streams = arguments.output == "-";
  if (streams) {
    if (auto takes = check_takes_archive(); !takes) return takes.error();
  }
  const std::string title = text_of(arguments.file);
  if (auto there = check_is_there(arguments.file, fmt::format("for an image, 'gantry save {0} -o FILE' writes it out of the store, and "
                                                              "'gantry pull {0} -o FILE' from a registry",
                                                              title));
      !there)
    return there.error();
  if (!streams) {
    const output_place archive{"the archive", arguments.output};
    std::vector<output_place> places = common_outputs(arguments.common);
    places.insert(places.begin(), archive);
    if (auto apart = check_distinct(places); !apart) return apart.error();
    if (auto usable = check_directory(archive); !usable) return usable.error();
  }
  session work(output, arguments.common.timeout);
  engine mover(store_engine_options(arguments.common, work));
  convert_options options;
  if (streams) {
    options.output = archive_stream{standard_output, arguments.format, arguments.gzip};
  } else {
    options.output = archive_file{arguments.output, arguments.format, arguments.gzip};
  }
  options.images = arguments.images;
  options.name = arguments.name;
  options.platforms = arguments.platforms;
  options.attestations = arguments.attestations;
  const auto answer = work.run<convert_result>(
      options, title, [&](diagnostics& text, auto token) { mover.async_convert(arguments.file, options, text, std::move(token)); });
  if (answer.ec == make_error_code(errc::platform_not_found) && arguments.images.empty()) {
    error_report report = report_failure(answer.ec, answer.text, work.cause(), title);
    if (report.hint.empty())
      report.hint = fmt::format("where there are several images, 'gantry convert {} IMAGE -o OUT' takes those that are named", title);
    output.error(report);
    return report.exit_code;
  }
  if (answer.ec) return fail(answer, work, output, title);
  std::vector<image_output> images;
  for (const auto& image : answer.result.images) images.push_back({arguments.output, image, answer.result.archive_size});
  // Where it lies is the result, and there is no more to say to people.
  if (streams) {
    output.summary(summary_of(answer.result), {});
    return static_cast<int>(exit_code::done);
  }
  const auto written = write_result(arguments.common.json ? result_json(images) : result_lines(images));
  output.summary(summary_of(answer.result), {});
  return output.end(written, static_cast<int>(exit_code::done));
}

}  // namespace

int convert_command(std::vector<std::string> words) {
  auto parsed = parse_convert(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<convert_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return convert(arguments, output); });
}

}  // namespace gantry::app
