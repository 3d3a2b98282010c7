#include "convert_options.hpp"

#include "file_words.hpp"
#include "image_names.hpp"
#include "naming.hpp"
#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

constexpr const char* footer =
    "IN is what 'gantry extract' takes. Without IMAGE all images of it are written. Blobs are copied as they are and checked against their "
    "digests; neither a network nor the layer store is used.";

outcome<reference> image_name(const std::string& word) {
  auto name = parse_image(word);
  if (!name) return name.error();
  return name->image;
}

}  // namespace

outcome<std::variant<convert_arguments, help_text>> parse_convert(std::vector<std::string> words) {
  convert_arguments arguments;
  std::vector<std::string> operands;
  std::string name;
  bool all_platforms = false;
  option_parser parser("gantry convert", "IN [IMAGE...] -o OUT", "Write images of an archive or directory into another archive.");
  auto& app = parser.app();
  app.footer(footer);
  app.add_option("IN", operands, "The archive, then the images of it that are wanted")->type_name("")->group("");
  const auto group = "What to write";
  app.add_option("-o,--output", arguments.output,
                 "Archive, directory (oci-dir), or - for standard output; a name ending in .gz or .tgz is compressed")
      ->type_name("FILE|DIR|-")
      ->group(group);
  add_format_option(parser, arguments.format, group);
  app.add_flag("--gzip", arguments.gzip, "Compress the archive")->group(group);
  app.add_flag("--attestations", arguments.attestations, attestations_help)->group(group);
  add_platform_options(parser, arguments.platforms, "Platforms of the images: os/arch[/variant][,...] (default all that are there)", group);
  app.add_flag("--all-platforms", all_platforms, "Every platform that is there, as without --platform")->group(group);
  app.add_option("--name", name, "What the image is to be called, when there is one")->type_name("NAME")->group(group);
  add_store_options(parser, arguments.common, {.report = false});
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<convert_arguments, help_text>(std::move(**help));
  if (auto checked = check_common_options(arguments.common); !checked) return checked.error();
  if (operands.empty() || operands.front().empty()) return usage_problem("no archive is named", "e.g. 'gantry convert in.tar -o out.tar'");
  if (int{app.count("--platform") > 0} + int{app.count("--arch") > 0} + int{all_platforms} > 1) {
    return usage_problem("--platform, --arch and --all-platforms exclude each other");
  }
  if (auto placed = check_attestations(arguments.attestations, arguments.format); !placed) return placed.error();
  if (is_standard_output(arguments.output)) arguments.output = "-";
  if (arguments.output.empty()) return usage_problem("no output is named", "name it with -o FILE");
  if (arguments.output == "-" && arguments.common.json) return usage_problem("--json and '-o -' both want standard output");
  arguments.file = parse_input(operands.front());
  for (std::size_t i = 1; i < operands.size(); ++i) {
    auto image = image_name(operands[i]);
    if (!image) return image.error();
    arguments.images.push_back(std::move(*image));
  }
  if (!name.empty()) {
    auto called = image_name(name);
    if (!called) return called.error();
    arguments.name = std::move(*called);
  }
  arguments.gzip = arguments.gzip || has_gzip_suffix(arguments.output);
  return std::variant<convert_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
