#include "lookup_options.hpp"

#include "image_names.hpp"
#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <utility>

namespace gantry::app {
namespace {

/// Adds what all questions share, parses, and checks that there is one object. \param second takes a second word where one is allowed
template <class Arguments>
parsed<Arguments> finish(option_parser& parser, Arguments arguments, Arguments& target, std::vector<std::string> words, const char* what,
                         const char* example, std::string* second = nullptr) {
  auto& app = parser.app();
  std::vector<std::string> objects;
  app.add_option("OBJECT", objects)->group("");
  if (app.get_option_no_throw("--registry") == nullptr) {
    app.add_option("-r,--registry", target.registry, "Registry that the name is joined to")->type_name("HOST|URL")->group("Registry");
  }
  add_common_options(parser, target.common, {.report = false});
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<Arguments, help_text>(std::move(**help));
  if (second != nullptr && objects.size() == 2) {
    *second = std::move(objects.back());
    objects.pop_back();
  }
  if (objects.size() != 1) {
    return usage_problem(objects.empty() ? fmt::format("no {} is named", what) : fmt::format("more than one {} is named", what),
                         fmt::format("e.g. '{}'", example));
  }
  target.object = std::move(objects.front());
  if (auto checked = check_common_options(target.common); !checked) return checked.error();
  arguments = std::move(target);
  return std::variant<Arguments, help_text>(std::move(arguments));
}

void add_places(option_parser& parser, file_lookup_arguments& into) {
  parser.app().footer(
      "FILE is an archive, an OCI layout as directory, or - for standard input; a word is a file when it exists, has the suffix of an "
      "archive, or oci:, oci-archive: or docker-archive: in front. Of a file with several images IMAGE chooses one; :IMAGE behind a word "
      "with a prefix does, too.");
  parser.app().add_flag("--offline", into.offline, "Ask the layer store alone, not the registry")->group("What");
}

}  // namespace

parsed<inspect_arguments> parse_inspect(std::vector<std::string> words) {
  inspect_arguments target;
  option_parser parser("gantry inspect", "IMAGE | FILE [IMAGE]",
                       "Show what an image consists of: digests, platforms, sizes. Layers are not fetched.");
  add_places(parser, target);
  add_platform_options(parser, target.platforms, "Only these platforms: os/arch[/variant][,...]", "What");
  parser.app()
      .add_flag("--raw", target.raw, "Print the index or manifest as served, byte for byte; with --platform that manifest")
      ->group("What");
  parser.app()
      .add_flag("--config", target.config, "Print the configuration as served (default platform: linux and this machine's)")
      ->group("What");
  auto done = finish(parser, inspect_arguments(), target, std::move(words), "image", "gantry inspect nginx:1.25", &target.inside);
  if (!done) return done;
  if (const auto* arguments = std::get_if<inspect_arguments>(&*done)) {
    if (arguments->raw && arguments->config) return usage_problem("--raw and --config exclude each other");
    if ((arguments->raw || arguments->config) && arguments->platforms.size() > 1) {
      return usage_problem("--raw and --config print one document, and --platform names several");
    }
    if ((arguments->raw || arguments->config) && arguments->common.json)
      return usage_problem("--raw and --config print documents as they are, without --json");
  }
  return done;
}

parsed<digest_arguments> parse_digest(std::vector<std::string> words) {
  digest_arguments target;
  std::vector<platform> platforms;
  option_parser parser("gantry digest", "IMAGE | FILE [IMAGE]",
                       "Print the digest that an image name resolves to, or that of a file's image.");
  add_places(parser, target);
  add_platform_options(parser, platforms, "The manifest of this platform instead of the index", "What");
  auto done = finish(parser, digest_arguments(), target, std::move(words), "image", "gantry digest nginx:1.25", &target.inside);
  if (!done) return done;
  if (auto* arguments = std::get_if<digest_arguments>(&*done)) {
    if (platforms.size() > 1) return usage_problem("one digest is printed, and --platform names several platforms");
    if (!platforms.empty()) arguments->platform = platforms.front();
  }
  return done;
}

parsed<tags_arguments> parse_tags(std::vector<std::string> words) {
  tags_arguments target;
  option_parser parser("gantry tags", "REPOSITORY", "List the tags of a repository, one a line.");
  auto& app = parser.app();
  const auto group = "Which tags";
  app.add_option("--filter", target.filter.regex, "Only tags that the expression matches whole, e.g. '1[.].*'")
      ->type_name("REGEX")
      ->group(group);
  app.add_option_function<std::string>(
         "--semver", [&target](const std::string& text) { target.filter.semver = text; },
         "Only versions in it, newest first: '>=1.2 <2', '^1.4', '~1.25.3'")
      ->type_name("RANGE")
      ->group(group);
  parser
      .add("--latest", "Only the N newest", "N",
           [&target](const std::string& text) -> outcome<> {
             auto count = parse_count("--latest", text, 1, 1'000'000);
             if (!count) return count.error();
             target.filter.latest = *count;
             return {};
           })
      ->group(group);
  auto done = finish(parser, tags_arguments(), target, std::move(words), "repository", "gantry tags nginx --latest 5");
  if (!done) return done;
  if (const auto* arguments = std::get_if<tags_arguments>(&*done)) {
    const std::string& name = arguments->object;
    if (names_one_image(name)) {
      if (auto image = parse_remote_image(name, arguments->registry); !image) return image.error();
      return usage_problem(fmt::format("'{}' names one image, and tags are listed of a repository", name),
                           fmt::format("'gantry tags {}' lists them all, --filter some; 'gantry digest {}' tells whether that one is there",
                                       without_tag(name), name));
    }
  }
  return done;
}

parsed<repositories_arguments> parse_repositories(std::vector<std::string> words) {
  repositories_arguments target;
  option_parser parser("gantry repos", "REGISTRY[/PATH]",
                       "List the repositories of a registry that allows it, one a line; with PATH those below it.");
  auto done = finish(parser, repositories_arguments(), target, std::move(words), "registry", "gantry repos localhost:5000");
  if (!done) return done;
  if (auto* arguments = std::get_if<repositories_arguments>(&*done)) {
    auto where = parse_registry(arguments->object, registry_operand);
    if (!where) return where.error();
    if (!where->path.empty()) {
      const std::string place = fmt::format("{}/{}", where->host, where->path);
      if (auto image = parse_remote_image(place); !image) return image.error();
      if (names_one_image(place)) {
        return usage_problem(fmt::format("'{}' names one image, and repositories are listed below a path", place),
                             fmt::format("'gantry digest {}' tells whether that one is there", place));
      }
    }
    arguments->where = std::move(*where);
  }
  return done;
}

parsed<lookup_arguments> parse_delete(std::vector<std::string> words) {
  lookup_arguments target;
  option_parser parser("gantry delete", "REFERENCE",
                       "Delete a tag in a registry, or with NAME@DIGEST a manifest and every tag that names it.");
  auto done = finish(parser, lookup_arguments(), target, std::move(words), "reference", "gantry delete localhost:5000/team/app:1.0");
  if (!done) return done;
  if (const auto* arguments = std::get_if<lookup_arguments>(&*done); arguments != nullptr && !names_one_image(arguments->object)) {
    if (auto image = parse_remote_image(arguments->object, arguments->registry); !image) return image.error();
    return usage_problem(fmt::format("'{}' does not say which of its images is to be deleted", arguments->object),
                         fmt::format("write the tag, e.g. '{}:latest', or the digest", arguments->object));
  }
  return done;
}

}  // namespace gantry::app
