#include "command.hpp"
#include "extract_options.hpp"
#include "failure_report.hpp"
#include "file_words.hpp"
#include "results.hpp"
#include "standard_output.hpp"
#include "store_session.hpp"

#include <gantry/engine.hpp>
#include <gantry/format.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <string>

namespace gantry::app {
namespace {

std::string words_of(const extract_result& result, std::size_t images) {
  std::string text = fmt::format("{} image{}, {} blob{}, {}", images, images == 1 ? "" : "s", result.blobs, result.blobs == 1 ? "" : "s",
                                 format_bytes(result.bytes));
  if (result.blobs_reused > 0) {
    text += fmt::format("; {} of the blobs, {}, {} in the store already", result.blobs_reused, format_bytes(result.bytes_reused),
                        result.blobs_reused == 1 ? "was" : "were");
  }
  return text;
}

outcome<int> extract(const extract_arguments& arguments, console& output) {
  const std::string title = text_of(arguments.file);
  if (auto there = check_is_there(
          arguments.file, fmt::format("for an image of a registry, 'gantry pull {} --store-only' fetches it into the store", title));
      !there)
    return there.error();
  session work(output, arguments.common.timeout);
  engine keeper(store_engine_options(arguments.common, work));
  extract_options options;
  options.name = arguments.name;
  options.force = arguments.force;
  const auto answer = work.run<extract_result>(
      options, title, [&](diagnostics& text, auto token) { keeper.async_extract(arguments.file, options, text, std::move(token)); });
  if (answer.ec) return fail(answer, work, output, title);
  std::vector<image_output> images;
  for (const auto& image : answer.result.images) images.push_back({{}, image, 0});
  const auto written = write_result(arguments.common.json ? result_json(images) : result_lines(images));
  const run_summary totals = summary_of(answer.result);
  output.summary(totals, words_of(answer.result, totals.images));
  for (const auto& refused : answer.result.refused) output.error({static_cast<int>(exit_code::partial), refused, {}, {}});
  return output.end(written, static_cast<int>(answer.result.refused.empty() ? exit_code::done : exit_code::partial));
}

}  // namespace

int extract_command(std::vector<std::string> words) {
  auto parsed = parse_extract(std::move(words));
  if (!parsed) return fail_early(parsed.error());
  if (const auto* help = std::get_if<help_text>(&*parsed)) return print_help(*help);
  const auto& arguments = std::get<extract_arguments>(*parsed);
  return run_with_console(arguments.common, [&](console& output) { return extract(arguments, output); });
}

}  // namespace gantry::app
