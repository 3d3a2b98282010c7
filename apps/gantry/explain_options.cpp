#include "explain_options.hpp"

#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace gantry::app {
namespace {

/// Explains what other commands would take from the settings file, which therefore has to be what they take.
outcome<> check_settings_of_others(const common_options& common) {
  for (const option_origin& one : common.origins) {
    if (one.origin == "default") continue;
    std::optional<problem> wrong;
    if (one.option == "format") {
      if (const auto format = parse_format(one.value); !format) wrong = format.error();
    } else if (one.option == "platform") {
      if (const auto list = parse_platforms(one.value); !list) wrong = list.error();
    } else if (one.option == "arch") {
      if (const auto list = parse_architectures(one.value); !list) wrong = list.error();
    }
    if (wrong) return problem(wrong->code, fmt::format("{}: {}", one.origin, wrong->message), wrong->hint);
  }
  return {};
}

/// Those of a pull that may stand in the settings file, too: tried here, they are told with the others.
void add_options_of_pull(option_parser& parser, explain_arguments& into, const char* group) {
  add_platform_options(parser, into.platforms, "Platforms: os/arch[/variant][,...] (default linux and this machine's architecture)", group);
  add_format_option(parser, into.format, group);
  parser.app().add_flag("--gzip", into.gzip, "Compress the archive")->group(group);
}

}  // namespace

outcome<std::variant<explain_arguments, help_text>> parse_explain(std::vector<std::string> words) {
  explain_arguments arguments;
  option_parser parser("gantry explain", "IMAGE",
                       "Say what a pull of an image would do, and why: the addresses in their order, the credentials (never the secret), "
                       "certificates and settings, each with where it comes from. Nothing is sent.");
  auto& app = parser.app();
  const auto group = "What to explain";
  app.add_option("IMAGE", arguments.image, "Image: [REGISTRY/]REPOSITORY[:TAG][@DIGEST]")->type_name("")->group("");
  app.add_option("-r,--registry", arguments.registry, "Registry that the image name is joined to")->type_name("HOST|URL")->group(group);
  add_options_of_pull(parser, arguments, group);
  add_common_options(parser, arguments.common, {.report = false});
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<explain_arguments, help_text>(std::move(**help));
  if (arguments.image.empty()) return usage_problem("no image is named", "e.g. 'gantry explain nginx:1.25'");
  if (app.count("--platform") > 0 && app.count("--arch") > 0) return usage_problem("--platform and --arch exclude each other");
  if (auto checked = check_common_options(arguments.common); !checked) return checked.error();
  if (auto checked = check_settings_of_others(arguments.common); !checked) return checked.error();
  return std::variant<explain_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
