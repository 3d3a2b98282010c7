#include "option_parser.hpp"
#include "options.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

outcome<std::vector<unsigned>> parse_jobs_list(std::string_view text) {
  std::vector<unsigned> list;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    auto jobs = parse_jobs("--try", word);
    if (!jobs) return problem(jobs.error().code, jobs.error().message, "e.g. --try 1,4,16,auto");
    if (std::find(list.begin(), list.end(), *jobs) == list.end()) list.push_back(*jobs);
  }
  if (list.empty()) return usage_problem("--try is empty", "e.g. --try 1,4,16,auto");
  return list;
}

void add_measurement(option_parser& parser, bench_arguments& into) {
  const auto group = "What to measure";
  auto& app = parser.app();
  app.add_option("IMAGE", into.image, "Image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")->type_name("")->group("");
  app.add_option("-r,--registry", into.registry, "Registry that the image name is joined to")->type_name("HOST|URL")->group(group);
  parser
      .add("--platform", "Platform: os/arch[/variant] (default linux and this machine's architecture)", "PLATFORM",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_platforms(text);
             if (!list) return list.error();
             if (list->size() != 1) return usage_problem("bench measures one platform at a time");
             into.image_platform = list->front();
             return {};
           })
      ->group(group);
  parser
      .add("--try", "Numbers of connections (default 1,2,4,8,16,auto)", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_jobs_list(text);
             if (!list) return list.error();
             into.jobs = std::move(*list);
             return {};
           })
      ->group(group);
  parser
      .add("--time", "The longest that each is measured (default 10s)", "TIME",
           [&into](const std::string& text) -> outcome<> {
             auto time = parse_duration("--time", text);
             if (!time) return time.error();
             into.time_each = *time;
             return {};
           })
      ->group(group);
  app.add_option("--to-disk", into.directory, "Write to temporary files in a directory (default: nowhere)")->type_name("DIR")->group(group);
}

}  // namespace

outcome<std::variant<bench_arguments, help_text>> parse_bench(std::vector<std::string> words) {
  bench_arguments arguments;
  option_parser parser("gantry bench", "IMAGE",
                       "Fetch an image with different numbers of connections, keep nothing of it, and say which number is best here.");
  add_measurement(parser, arguments);
  add_common_options(parser, arguments.common, {.report = false});
  // Not for bench, which says so when it is given.
  parser.app().get_option("--jobs")->group("");
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<bench_arguments, help_text>(std::move(**help));
  if (arguments.image.empty()) return usage_problem("no image is named", "e.g. 'gantry bench nginx:1.25'");
  if (parser.app().count("--jobs") > 0)
    return usage_problem("bench tries several numbers of connections, and --jobs is one", "--try says which");
  if (auto checked = check_common_options(arguments.common); !checked) return checked.error();
  return std::variant<bench_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
