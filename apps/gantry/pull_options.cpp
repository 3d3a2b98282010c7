#include "option_parser.hpp"
#include "options.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

void add_what(option_parser& parser, pull_arguments& into) {
  const auto group = "What to pull";
  auto& app = parser.app();
  app.add_option("IMAGE", into.images, "Images: [REGISTRY/]REPOSITORY[:TAG][@DIGEST], docker:// in front is accepted")
      ->type_name("")
      ->group("");
  app.add_option("--from", into.from, "Read references from a file, one a line; - is standard input")->type_name("FILE|-")->group(group);
  app.add_option("-r,--registry", into.registry, "Registry that the image names are joined to")->type_name("HOST|URL")->group(group);
  app.add_option("--repository", into.repository, "Repository, in place of an image name")->type_name("NAME")->group(group);
  app.add_option("-t,--reference", into.tag_or_digest, "Tag or digest, beside --repository (default latest)")
      ->type_name("REF")
      ->group(group);
  parser
      .add("--platform", "Platforms: os/arch[/variant][,...] (default linux and this machine's architecture)", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_platforms(text);
             if (!list) return list.error();
             into.platforms = std::move(*list);
             return {};
           })
      ->group(group);
  parser
      .add("-a,--arch", "The same, linux in front left out: amd64, arm64, arm/v7", "LIST",
           [&into](const std::string& text) -> outcome<> {
             auto list = parse_architectures(text);
             if (!list) return list.error();
             into.platforms = std::move(*list);
             return {};
           })
      ->group(group);
  app.add_flag("--all-platforms", into.all_platforms, "Every platform that the image has")->group(group);
}

void add_where(option_parser& parser, pull_arguments& into) {
  const auto group = "Where to put it";
  auto& app = parser.app();
  app.add_option("-o,--output", into.output,
                 "Archive, directory for archives, or - for standard output (default: one named archive per image)")
      ->type_name("FILE|DIR|-")
      ->group(group);
  parser
      .add("-f,--format", "docker (loads everywhere, default) or oci", "FORMAT",
           [&into](const std::string& text) -> outcome<> {
             if (text != "docker" && text != "oci") return usage_problem(fmt::format("--format takes docker or oci, not '{}'", text));
             into.format = text == "oci" ? archive_format::oci : archive_format::docker;
             return {};
           })
      ->group(group);
  app.add_flag("--gzip", into.gzip, "Compress the archive; a name ending in .gz or .tgz means the same")->group(group);
  app.add_flag("--store-only", into.store_only, "Into the layer store, no archive")->group(group);
  app.add_option("--digestfile", into.digestfile, "Write the digest of each image to a file, one a line")->type_name("FILE")->group(group);
}

outcome<> check(const CLI::App& app, const pull_arguments& arguments) {
  const int kinds = int{!arguments.images.empty()} + int{!arguments.repository.empty()} + int{!arguments.from.empty()};
  if (kinds == 0) return usage_problem("no image is named", "e.g. 'gantry pull nginx:1.25'");
  if (kinds > 1) return usage_problem("image names, --repository and --from exclude each other");
  if (!arguments.tag_or_digest.empty() && arguments.repository.empty()) return usage_problem("--reference needs --repository");
  if (int{app.count("--platform") > 0} + int{app.count("--arch") > 0} + int{arguments.all_platforms} > 1) {
    return usage_problem("--platform, --arch and --all-platforms exclude each other");
  }
  if (app.count("--output") > 0 && arguments.output.empty()) return usage_problem("--output is empty");
  if (arguments.store_only && (!arguments.output.empty() || arguments.gzip || app.count("--format") > 0)) {
    return usage_problem("--store-only writes no archive, so --output, --format and --gzip have no meaning beside it");
  }
  if (arguments.output == "-" && arguments.common.json) return usage_problem("--json and '-o -' both want standard output");
  if (arguments.from == "-" && arguments.common.password_stdin)
    return usage_problem("'--from -' and --password-stdin both want standard input");
  return check_common_options(arguments.common);
}

}  // namespace

outcome<std::variant<pull_arguments, help_text>> parse_pull(std::vector<std::string> words) {
  pull_arguments arguments;
  option_parser parser("gantry pull", "IMAGE...",
                       "Pull images, [REGISTRY/]REPOSITORY[:TAG][@DIGEST], into archives that docker, podman, containerd and skopeo load.");
  add_what(parser, arguments);
  add_where(parser, arguments);
  add_common_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<pull_arguments, help_text>(std::move(**help));
  if (auto checked = check(parser.app(), arguments); !checked) return checked.error();
  return std::variant<pull_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
