#include "sync_options.hpp"

#include "option_parser.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace gantry::app {
namespace {

outcome<std::variant<push_prefix, std::string>> parse_to(const std::string& word, bool (*is_directory)(const std::string&),
                                                         common_options& common) {
  using place = std::variant<push_prefix, std::string>;
  constexpr std::string_view layout = "oci:";
  if (word.starts_with(layout)) return place(word.substr(layout.size()));
  const bool path = word.starts_with('/') || word.starts_with("./") || word.starts_with("../") || word == "." || is_directory(word);
  if (path) return place(word);
  auto registry = parse_registry(word.starts_with("docker://") ? word.substr(std::string_view("docker://").size()) : word, "--to");
  if (!registry) {
    problem refused = registry.error();
    // Behind a scheme it is no path, and what has '@' in it may hold a password.
    if (word.find("://") == std::string::npos && word.find('@') == std::string::npos) {
      refused.hint += fmt::format("; a new directory is written ./{}", word);
    }
    return refused;
  }
  if (registry->plain_http) common.plain_http.push_back(registry->host);
  if (registry->tls) common.tls_only.push_back(registry->host);
  return place(push_prefix{registry->host, registry->path});
}

void add_options(option_parser& parser, sync_arguments& into, std::string& to) {
  auto& app = parser.app();
  const auto what = "What";
  app.add_option("--to", to, "Where images go: a registry and namespace, or a directory for an OCI layout")
      ->type_name("REGISTRY[/NAMESPACE]|DIR")
      ->group(what);
  app.add_flag("--referrers", into.referrers, "Signatures, SBOMs and what else refers to the images as well")->group(what);
  app.add_flag("--allow-partial", into.allow_partial, "Write a tag also when it lacks some of its architectures")->group(what);
  app.add_flag("--prune", into.prune, "Delete tags of the target's repositories that the list does not name; asks first")->group(what);
  app.add_flag("-y,--yes,--force", into.yes, "Do not ask before deleting")->group(what);
  parser
      .add("--shard", "Only part K of N of the list, by the target's repository (default from a Kubernetes or Slurm array)", "K/N",
           [&into](const std::string& text) -> outcome<> {
             auto shard = parse_shard(text);
             if (!shard) return shard.error();
             into.shard = *shard;
             return {};
           })
      ->group(what);
  const auto how = "How";
  app.add_option("--lock", into.lock, "File that keeps what each tag was made of (default beside FILE, images.lock.json)")
      ->type_name("FILE")
      ->group(how);
  app.add_flag("--no-lock", into.no_lock, "Keep none: a choice of platforms is looked at every time")->group(how);
}

}  // namespace

parsed<sync_arguments> parse_sync(std::vector<std::string> words, bool (*is_directory)(const std::string& path)) {
  sync_arguments arguments;
  std::vector<std::string> operands;
  std::string to;
  option_parser parser("gantry sync", "FILE --to REGISTRY[/NAMESPACE]|DIR",
                       "Bring a list of images, images.json, to a registry. What is there already is left alone; what fails does not stop "
                       "the others.");
  parser.app().add_option("FILE", operands)->group("");
  add_options(parser, arguments, to);
  add_upload_options(parser, arguments);
  add_side_options(parser, arguments.from, arguments.target);
  add_common_options(parser, arguments.common);
  auto help = parser.parse(std::move(words));
  if (!help) return help.error();
  if (*help) return std::variant<sync_arguments, help_text>(std::move(**help));
  if (auto checked = check_common_options(arguments.common, true); !checked) return checked.error();
  if (auto checked = check_upload_options(arguments); !checked) return checked.error();
  const auto example = "e.g. 'gantry sync images.json --to registry.example/mirror'";
  if (operands.size() != 1)
    return usage_problem(operands.empty() ? "sync takes a list of images" : "sync takes one list of images", example);
  if (to.empty()) return usage_problem("sync needs --to, where the images go", example);
  if (arguments.no_lock && !arguments.lock.empty()) return usage_problem("--lock and --no-lock exclude each other");
  if (arguments.yes && !arguments.prune) return usage_problem("--yes goes with --prune");
  arguments.list = operands.front();
  if (arguments.list == "-" && arguments.common.password_stdin)
    return usage_problem("a list on standard input and --password-stdin both want standard input");
  auto place = parse_to(to, is_directory, arguments.common);
  if (!place) return place.error();
  arguments.to = std::move(*place);
  arguments.object = arguments.list;
  return std::variant<sync_arguments, help_text>(std::move(arguments));
}

std::string lock_beside(const std::string& list, const sync_shard& shard) {
  if (list == "-") return {};
  constexpr std::string_view suffix = ".json";
  const std::string stem = list.ends_with(suffix) ? list.substr(0, list.size() - suffix.size()) : list;
  if (shard.count == 1) return stem + ".lock.json";
  return fmt::format("{}.lock.{}-of-{}.json", stem, shard.number, shard.count);
}

}  // namespace gantry::app
