#include "pull_plan.hpp"

#include "naming.hpp"

#include <fmt/format.h>

#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace gantry::app {
namespace {

pull_step common_step(const pull_arguments& arguments, destination to) {
  pull_step step;
  step.to = to;
  step.platforms = arguments.platforms;
  step.all_platforms = arguments.all_platforms;
  step.gzip = arguments.gzip;
  step.have = arguments.have;
  step.no_cache = arguments.no_cache;
  return step;
}

/// What a list says of an image holds where the command line says nothing.
std::vector<platform> platforms_of(const pull_arguments& arguments, const image_request& image) {
  return arguments.platforms.empty() && !arguments.all_platforms ? image.platforms : arguments.platforms;
}

outcome<pull_plan> one_step(const pull_arguments& arguments, pull_step step, const std::vector<image_request>& images) {
  if (!images.empty()) step.platforms = platforms_of(arguments, images.front());
  for (const auto& image : images) {
    if (platforms_of(arguments, image) == step.platforms) continue;
    return usage_problem(fmt::format("the list wants other platforms of {} than of {}, and one archive takes the same of all",
                                     image.image.string(), images.front().image.string()),
                         "choose with --platform, or give each an archive with -o DIR/");
  }
  // An image that is named twice is one, also where images are counted.
  std::set<std::string> seen;
  for (const auto& image : images) {
    if (seen.insert(image.image.string()).second) step.images.push_back(image);
  }
  pull_plan plan;
  plan.steps.push_back(std::move(step));
  return plan;
}

// The store takes images one by one, so that one that fails does not stop the others.
pull_plan into_store(const pull_arguments& arguments, const std::vector<image_request>& images) {
  pull_plan plan;
  std::set<std::string> seen;
  for (const auto& image : images) {
    std::vector<platform> platforms = platforms_of(arguments, image);
    std::string what = image.image.string();
    for (const platform& one : platforms) what += " " + to_string(one);
    if (!seen.insert(std::move(what)).second) continue;
    plan.steps.push_back(common_step(arguments, destination::store));
    plan.steps.back().images.push_back(image);
    plan.steps.back().platforms = std::move(platforms);
  }
  return plan;
}

outcome<pull_plan> into_directory(const pull_arguments& arguments, const std::vector<image_request>& images,
                                  const std::filesystem::path& directory) {
  pull_plan plan;
  std::set<std::filesystem::path> names;
  if (arguments.all_platforms && arguments.no_cache) {
    return usage_problem("one archive for each of --all-platforms takes the store, which --no-cache leaves out",
                         "put all platforms into one archive with -o FILE, or name them with --platform");
  }
  for (const auto& image : images) {
    if (arguments.all_platforms) {
      plan.steps.push_back(common_step(arguments, destination::each));
      plan.steps.back().images.push_back(image);
      plan.steps.back().path = directory;
      continue;
    }
    std::vector<platform> platforms = platforms_of(arguments, image);
    const bool chosen = !platforms.empty();
    if (!chosen) platforms.push_back(platform::host());
    for (const auto& wanted : platforms) {
      pull_step step = common_step(arguments, destination::named);
      step.images.push_back(image);
      if (chosen) step.platforms.assign(1, wanted);
      const reference& name = arguments.name.empty() ? image.image : arguments.name;
      step.path = directory / output_name(name, std::vector<platform>(1, wanted), arguments.format, arguments.gzip);
      if (!names.insert(step.path).second) {
        return usage_problem(fmt::format("two outputs of this run would be named {}", step.path.string()),
                             "put them into one archive with -o FILE");
      }
      plan.steps.push_back(std::move(step));
    }
  }
  return plan;
}

}  // namespace

outcome<pull_plan> plan_pull(const pull_arguments& arguments, const std::vector<image_request>& images,
                             const std::function<path_kind(const std::filesystem::path&)>& kind_of) {
  if (arguments.store_only) return into_store(arguments, images);
  if (!arguments.load.empty()) return one_step(arguments, common_step(arguments, destination::loader), images);
  if (arguments.output.empty()) return into_directory(arguments, images, {});
  if (arguments.output == "-") return one_step(arguments, common_step(arguments, destination::stream), images);
  const std::filesystem::path output = arguments.output;
  if (arguments.format == archive_format::oci_dir) {
    // A directory is the output itself.
    pull_step step = common_step(arguments, destination::file);
    step.path = output;
    return one_step(arguments, std::move(step), images);
  }
  const path_kind kind = kind_of(output);
  const bool new_directory = makes_directory(arguments, kind);
  if (kind == path_kind::directory || new_directory) {
    for (const std::string_view suffix : {".zst", ".xz", ".bz2", ".zip"}) {
      if (new_directory && arguments.output.ends_with(suffix)) {
        return usage_problem(fmt::format("archives are written plain or gzipped, not as {}", suffix), "name the output .tar or .tar.gz");
      }
    }
    auto plan = into_directory(arguments, images, output);
    if (plan && new_directory) plan->new_directory = output;
    return plan;
  }
  pull_step step = common_step(arguments, destination::file);
  step.path = output;
  step.gzip = arguments.gzip || has_gzip_suffix(arguments.output);
  return one_step(arguments, std::move(step), images);
}

bool makes_directory(const pull_arguments& arguments, path_kind kind) {
  const std::string& output = arguments.output;
  if (output.empty() || output == "-" || arguments.format == archive_format::oci_dir) return false;
  return kind == path_kind::absent && (output.ends_with('/') || !has_archive_suffix(output));
}

path_kind kind_of_path(const std::filesystem::path& path) {
  std::error_code ec;
  const auto status = std::filesystem::status(path, ec);
  if (!std::filesystem::exists(status)) return path_kind::absent;
  return std::filesystem::is_directory(status) ? path_kind::directory : path_kind::other;
}

}  // namespace gantry::app
