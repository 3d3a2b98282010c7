#include "push_options.hpp"

#include "image_names.hpp"
#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

void add_options(option_parser& parser, push_arguments& into, std::vector<std::string>& words, std::string& repository, std::string& tag) {
  auto& app = parser.app();
  const auto what = "What";
  app.add_option("SOURCE TARGET", words)->group("");
  app.add_option_function<std::string>(
         "--source,--file", [&words](const std::string& text) { words.insert(words.begin(), text); },
         "The source, in place of the first word")
      ->type_name("SOURCE")
      ->group(what);
  app.add_option("--repository", repository, "Repository to push to, in place of the target")->type_name("NAME")->group(what);
  app.add_option("-t,--reference", tag, "Tag, beside --repository (default latest)")->type_name("TAG")->group(what);
  add_upload_options(parser, into);
  parser
      .add("--compress", "What happens to uncompressed layers: gzip (default), or keep them as they are", "gzip|keep",
           [&into](const std::string& text) -> outcome<> {
             if (text != "gzip" && text != "keep") return usage_problem(fmt::format("--compress takes gzip or keep, not '{}'", text));
             into.keep_compression = text == "keep";
             return {};
           })
      ->group("How");
  app.add_option("-r,--registry", into.registry, "Registry that the target is joined to")->type_name("HOST|URL")->group("Registry");
}

}  // namespace

outcome<push_source> parse_push_source(const std::string& word, path_exists exists) {
  if (auto file = prefixed_file(word, exists)) {
    return std::visit([](auto& named) { return push_source(std::move(named)); }, *file);
  }
  if (exists(word)) return push_source(word);
  if (looks_like_archive(word)) return problem(exit_code::not_found, fmt::format("the archive {} does not exist", word));
  auto image = parse_image(word);
  if (!image) return image.error();
  return push_source(std::move(image->image));
}

outcome<push_target> parse_push_target(const std::string& word, const std::string& registry) {
  if (!word.ends_with('/')) {
    auto image = parse_remote_image(word, registry);
    if (!image) return image.error();
    return push_target(std::move(image->image));
  }
  std::string joined = word;
  if (joined.starts_with("docker://")) joined.erase(0, std::string_view("docker://").size());
  if (!registry.empty()) joined = registry + "/" + joined;
  auto place = parse_registry(joined, registry.empty() ? registry_operand : "--registry");
  if (!place) return place.error();
  return push_target(push_prefix{place->host, place->path});
}

parsed<push_arguments> parse_push(std::vector<std::string> words, path_exists exists) {
  push_arguments arguments;
  std::vector<std::string> operands;
  std::string repository;
  std::string tag;
  option_parser parser("gantry push", "SOURCE TARGET",
                       "Push an image of the store, or the images of an archive or OCI directory, to a registry. A TARGET that ends in / "
                       "takes every image of the source, repository paths and tags kept.");
  add_options(parser, arguments, operands, repository, tag);
  add_common_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<push_arguments, help_text>(std::move(**help));
  if (auto checked = check_common_options(arguments.common); !checked) return checked.error();
  if (auto checked = check_upload_options(arguments); !checked) return checked.error();
  if (!tag.empty() && repository.empty()) return lacks_repository(operands.size() == 2 ? operands.back() : std::string(), tag);
  if (!repository.empty()) operands.push_back(join_repository(repository, tag));
  if (operands.size() != 2) {
    return usage_problem(operands.size() < 2 ? "push takes a source and a target" : "push takes one source and one target",
                         "e.g. 'gantry push nginx.tar registry.example/library/nginx:1.25'");
  }
  auto source = parse_push_source(operands.front(), exists);
  if (!source) return source.error();
  if (arguments.registry.empty() && looks_like_archive(operands.back())) {
    return usage_problem(fmt::format("'{}' names a file, and the target of a push is in a registry", operands.back()),
                         fmt::format("the source stands first: 'gantry push {} TARGET'", operands.back()));
  }
  auto target = parse_push_target(operands.back(), arguments.registry);
  if (!target) return target.error();
  arguments.source = std::move(*source);
  arguments.target = std::move(*target);
  arguments.object = operands.back();
  const auto* image = std::get_if<reference>(&arguments.target);
  arguments.target_registry = image != nullptr ? image->registry() : std::get<push_prefix>(arguments.target).registry;
  return std::variant<push_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
