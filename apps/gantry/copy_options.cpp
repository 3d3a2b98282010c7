#include "copy_options.hpp"

#include "image_names.hpp"
#include "option_parser.hpp"

#include <fmt/format.h>

#include <set>
#include <utility>
#include <variant>

namespace gantry::app {

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
