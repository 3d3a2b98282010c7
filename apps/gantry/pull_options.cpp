#include "image_names.hpp"
#include "loader.hpp"
#include "naming.hpp"
#include "option_parser.hpp"
#include "options.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

/// What the two commands say of the options that they share.
struct texts {
  const char* platforms;
  const char* all_platforms;
  const char* output;
};

constexpr texts of_pull{"Platforms: os/arch[/variant][,...] (default linux and this machine's architecture)",
                        "Every platform that the image has",
                        "Archive, directory for archives, or - for standard output (default: one named archive per image)"};
constexpr texts of_save{"Only these platforms: os/arch[/variant][,...] (default every platform that is held)",
                        "Every platform that is held (the default)",
                        "Archive, directory for archives, or - for standard output; it must be given"};

void add_platforms(option_parser& parser, pull_arguments& into, const char* group, const texts& words) {
  add_platform_options(parser, into.platforms, words.platforms, group);
  parser.app().add_flag("--all-platforms", into.all_platforms, words.all_platforms)->group(group);
}

void add_what(option_parser& parser, pull_arguments& into) {
  const auto group = "What to pull";
  auto& app = parser.app();
  app.add_option("IMAGE", into.images, "Images: [REGISTRY/]REPOSITORY[:TAG][@DIGEST], docker:// in front is accepted")
      ->type_name("")
      ->group("");
  app.add_option("--from", into.from, "Read references from a file, one a line, or images.json; - is standard input")
      ->type_name("FILE|-")
      ->group(group);
  app.add_option("-r,--registry", into.registry, "Registry that the image names are joined to")->type_name("HOST|URL")->group(group);
  app.add_option("--repository", into.repository, "Repository, in place of an image name")->type_name("NAME")->group(group);
  app.add_option("-t,--reference", into.tag_or_digest, "Tag or digest, beside --repository (default latest)")
      ->type_name("REF")
      ->group(group);
  add_platforms(parser, into, group, of_pull);
  app.add_flag("--offline", into.offline, "Out of the store, no network")->group(group);
}

outcome<reference> parse_name(const std::string& text) {
  error_code ec;
  diagnostics why;
  const reference name = reference::parse(text, ec, why);
  if (ec) return usage_problem("--name: " + why.message());
  if (name.digest()) return usage_problem("--name takes REPOSITORY[:TAG], without a digest");
  return name;
}

void add_pull_targets(option_parser& parser, pull_arguments& into) {
  const auto group = "Where to put it";
  auto& app = parser.app();
  app.add_flag("--store-only", into.store_only, "Into the layer store, no archive")->group(group);
  app.add_flag("--no-cache", into.no_cache,
               "Straight into the archive, the layer store is left out; plain archives of one run copy what they share")
      ->group(group);
  parser
      .add("--load", "Straight into a local engine: its own load command takes the archive", "docker|podman|ctr",
           [&into](const std::string& text) -> outcome<> {
             if (!loader::knows(text)) return usage_problem(fmt::format("--load takes docker, podman or ctr, not '{}'", text));
             into.load = text;
             return {};
           })
      ->group(group);
}

void add_where(option_parser& parser, pull_arguments& into, const texts& words) {
  const auto group = "Where to put it";
  auto& app = parser.app();
  app.add_option("-o,--output", into.output, words.output)->type_name("FILE|DIR|-")->group(group);
  add_format_option(parser, into.format, group);
  app.add_flag("--gzip", into.gzip, "Compress the archive; a name ending in .gz or .tgz means the same")->group(group);
  app.add_flag("--attestations", into.attestations, attestations_help)->group(group);
  parser
      .add("--recompress", "Compress zstd layers anew, for docker before 23 and other old engines", "gzip",
           [&into](const std::string& text) -> outcome<> {
             if (text != "gzip") return usage_problem(fmt::format("--recompress takes gzip, not '{}'", text));
             into.recompress = true;
             return {};
           })
      ->group(group);
  parser
      .add("--name", "What the image is called from here on, in the archive and in the store", "NAME",
           [&into](const std::string& text) -> outcome<> {
             const auto name = parse_name(text);
             if (!name) return name.error();
             into.name = *name;
             return {};
           })
      ->group(group);
  app.add_option(
         "--have", into.have,
         "Leave out layers that the receiver has: an archive, 'gantry list --json' from there, or one digest a line; 'gantry extract' "
         "completes the archive there")
      ->type_name("FILE")
      ->allow_extra_args(false)
      ->group(group);
  app.add_option("--digestfile", into.digestfile, "Write the digest of each image to a file, one a line")->type_name("FILE")->group(group);
}

outcome<> check(const CLI::App& app, const pull_arguments& arguments) {
  const int kinds = int{!arguments.images.empty()} + int{!arguments.repository.empty()} + int{!arguments.from.empty()};
  if (kinds == 0) {
    const bool saves = app.get_name() == "gantry save";
    return usage_problem("no image is named", saves ? "e.g. 'gantry save nginx:1.25 -o nginx.tar'" : "e.g. 'gantry pull nginx:1.25'");
  }
  if (kinds > 1) return usage_problem("image names, --repository and --from exclude each other");
  if (!arguments.tag_or_digest.empty() && arguments.repository.empty())
    return lacks_repository(arguments.images.size() == 1 ? arguments.images.front() : std::string(), arguments.tag_or_digest);
  if (int{app.count("--platform") > 0} + int{app.count("--arch") > 0} + int{arguments.all_platforms} > 1) {
    return usage_problem("--platform, --arch and --all-platforms exclude each other");
  }
  if (app.count("--output") > 0 && arguments.output.empty()) return usage_problem("--output is empty");
  if (!arguments.name.empty() && (arguments.images.size() > 1 || !arguments.from.empty())) {
    return usage_problem("--name is for one image, and several are asked for");
  }
  if (arguments.store_only && (!arguments.output.empty() || arguments.gzip || app.count("--format") > 0)) {
    return usage_problem("--store-only writes no archive, so --output, --format and --gzip have no meaning beside it");
  }
  if (!arguments.load.empty() && (arguments.store_only || !arguments.output.empty() || arguments.gzip)) {
    return usage_problem("--load takes the archive, so --output, --gzip and --store-only have no meaning beside it");
  }
  if (arguments.format == archive_format::oci_dir) {
    if (arguments.gzip || has_gzip_suffix(arguments.output))
      return usage_problem("an oci-dir is a directory, which cannot be compressed", "-f oci --gzip writes a compressed archive");
    if (arguments.output == "-" || !arguments.load.empty())
      return usage_problem("an oci-dir is a directory, not a stream", "-f oci writes the same as an archive");
  }
  if (arguments.format == archive_format::synology && !arguments.have.empty()) {
    return usage_problem("--have leaves out parts of an image, and the format synology is for receivers that load an image whole",
                         "without --have the archive has all of it; -f docker and -f oci can leave parts out for 'gantry extract'");
  }
  if (arguments.store_only && !arguments.have.empty())
    return usage_problem("--store-only writes no archive, so --have has no meaning beside it");
  if (arguments.store_only && arguments.attestations)
    return usage_problem("--store-only writes no archive, so --attestations has no meaning beside it; the store has them anyway");
  if (auto placed = check_attestations(arguments.attestations, arguments.format); !placed) return placed.error();
  if (arguments.no_cache && arguments.store_only) {
    return usage_problem("--no-cache leaves out the store, and --store-only wants nothing else");
  }
  if (arguments.no_cache && arguments.offline) return usage_problem("--offline takes images from the store, which --no-cache leaves out");
  if (arguments.no_cache && !arguments.common.cache_dir.empty()) return usage_problem("--no-cache and --cache-dir exclude each other");
  if (arguments.output == "-" && arguments.common.json) return usage_problem("--json and '-o -' both want standard output");
  if (arguments.from == "-" && arguments.common.password_stdin)
    return usage_problem("'--from -' and --password-stdin both want standard input");
  return check_common_options(arguments.common);
}

outcome<std::variant<pull_arguments, help_text>> finish(option_parser& parser, pull_arguments& arguments, std::vector<std::string> words) {
  add_common_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<pull_arguments, help_text>(std::move(**help));
  if (is_standard_output(arguments.output)) arguments.output = "-";
  if (auto checked = check(parser.app(), arguments); !checked) return checked.error();
  return std::variant<pull_arguments, help_text>(std::move(arguments));
}

}  // namespace

outcome<std::variant<pull_arguments, help_text>> parse_pull(std::vector<std::string> words) {
  pull_arguments arguments;
  option_parser parser("gantry pull", "IMAGE...",
                       "Pull images, [REGISTRY/]REPOSITORY[:TAG][@DIGEST], into archives that docker, podman, containerd and skopeo load.");
  add_what(parser, arguments);
  add_where(parser, arguments, of_pull);
  add_pull_targets(parser, arguments);
  return finish(parser, arguments, std::move(words));
}

outcome<std::variant<pull_arguments, help_text>> parse_save(std::vector<std::string> words) {
  pull_arguments arguments;
  option_parser parser(
      "gantry save", "REF...",
      "Write images that the store holds into one archive, without a network; every platform that is held, unless some are "
      "named.");
  auto& app = parser.app();
  app.add_option("REF", arguments.images, "Names under which the store holds images, see 'gantry list'")->type_name("")->group("");
  app.add_option("--from", arguments.from, "Read references from a file, one a line, or images.json; - is standard input")
      ->type_name("FILE|-")
      ->group("What to save");
  add_platforms(parser, arguments, "What to save", of_save);
  add_where(parser, arguments, of_save);
  arguments.offline = true;
  auto parsed = finish(parser, arguments, std::move(words));
  if (!parsed) return parsed.error();
  if (auto* saved = std::get_if<pull_arguments>(&*parsed)) {
    if (saved->output.empty()) return usage_problem("save needs an output", "e.g. 'gantry save nginx:1.25 -o nginx.tar'");
    if (saved->platforms.empty()) saved->all_platforms = true;
  }
  return parsed;
}

}  // namespace gantry::app
