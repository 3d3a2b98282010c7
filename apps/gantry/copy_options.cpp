#include "copy_options.hpp"

#include "file_words.hpp"
#include "image_names.hpp"
#include "option_parser.hpp"

#include <fmt/format.h>

#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

namespace gantry::app {
namespace {

/// A place on this machine: its path, and what pull is told beside it.
struct local_place {
  std::string path;
  const char* format = "";
};

/// What skopeo's users and others write for files; nothing for the name of an image.
std::optional<local_place> place_of(std::string_view word) {
  if (word.starts_with("docker://")) return std::nullopt;
  constexpr std::pair<std::string_view, const char*> kinds[] = {
      {"docker-archive:", ""}, {"oci-archive:", "-f oci "}, {"oci:", "-f oci-dir "}};
  for (const auto& [prefix, format] : kinds) {
    if (!word.starts_with(prefix)) continue;
    word.remove_prefix(prefix.size());
    return local_place{std::string(word.substr(0, word.find(':'))), format};
  }
  for (const std::string_view path : {"./", "../", "/", "~/"}) {
    if (word.starts_with(path)) return local_place{std::string(word), looks_like_archive(word) ? "" : "-f oci-dir "};
  }
  if (looks_like_archive(word)) return local_place{std::string(word)};
  return std::nullopt;
}

/// copy goes from registry to registry, and other commands know files.
outcome<> check_no_files(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto place = place_of(words[i]);
    if (!place) continue;
    const std::string shown = reference::shown(words[i]);
    const std::string source = reference::shown(words.front());
    const std::string target = reference::shown(place->path);
    std::string hint = i == 0 ? fmt::format("'gantry push {} {}' does that", shown, reference::shown(words.back()))
                              : fmt::format("'gantry pull {} {}-o {}' does that", source, place->format, target);
    if (i == 0 && place_of(words.back())) hint = fmt::format("'gantry convert {} -o FILE' goes from file to file", shown);
    error_code ec;
    reference::parse(words[i], ec);
    if (!ec) hint += fmt::format("; for a repository of that name write docker://{}", shown);
    return usage_problem(fmt::format("'{}' names a file, and copy goes from registry to registry", shown), std::move(hint));
  }
  return {};
}

}  // namespace

parsed<copy_arguments> parse_copy(std::vector<std::string> words) {
  copy_arguments arguments;
  std::vector<std::string> operands;
  option_parser parser("gantry copy", "SOURCE TARGET...",
                       "Copy an image from registry to registry, byte for byte, without a file in between. Blobs that the target has are "
                       "left out.");
  auto& app = parser.app();
  app.add_option("SOURCE TARGET", operands)->group("");
  app.add_flag("--all-tags", arguments.all_tags, "Every tag of the repository SOURCE; TARGET is a repository")->group("What");
  app.add_flag("--referrers", arguments.referrers, "Signatures, SBOMs and what else refers to the image as well")->group("What");
  app.add_flag("--cache", arguments.cache, "Fetch into the layer store first, and keep it there")->group("How");
  add_upload_options(parser, arguments);
  add_side_options(parser, arguments.from, arguments.to);
  add_common_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<copy_arguments, help_text>(std::move(**help));
  if (auto checked = check_common_options(arguments.common, true); !checked) return checked.error();
  if (auto checked = check_upload_options(arguments); !checked) return checked.error();
  if (operands.size() < 2) {
    return usage_problem("copy takes a source and at least one target", "e.g. 'gantry copy nginx:1.25 registry.example/mirror/nginx:1.25'");
  }
  if (auto registries = check_no_files(operands); !registries) return registries.error();
  for (const std::string& word : operands) {
    if (arguments.all_tags && names_one_image(word)) {
      return usage_problem(fmt::format("'{}' names one image, and --all-tags copies a repository to repositories", word),
                           fmt::format("leave out the tag, '{}', or --all-tags", without_tag(word)));
    }
    auto image = parse_remote_image(word);
    if (!image) return image.error();
    arguments.targets.push_back(std::move(image->image));
  }
  arguments.source = std::move(arguments.targets.front());
  arguments.targets.erase(arguments.targets.begin());
  arguments.object = operands.front();
  std::set<reference> known;
  for (const reference& target : arguments.targets) {
    if (target == arguments.source) return usage_problem(fmt::format("{} is source and target", target.string()));
    if (!known.insert(target).second) return usage_problem(fmt::format("{} is named twice as a target", target.string()));
  }
  return std::variant<copy_arguments, help_text>(std::move(arguments));
}

}  // namespace gantry::app
