#include "extract_options.hpp"
#include "inspect_text.hpp"
#include "lookup.hpp"
#include "push_options.hpp"

#include <filesystem>
#include <system_error>

namespace gantry::app {
namespace {

bool path_is_there(const std::string& path) {
  std::error_code ec;
  return std::filesystem::exists(path, ec);
}

/// The document that --raw or --config ask for.
std::string document_of(const inspect_arguments& arguments, const inspect_result& found) {
  if (arguments.config) return found.manifests.front().config_document;
  return arguments.platforms.empty() ? found.document : found.manifests.front().document;
}

int inspect_reference(const inspect_arguments& arguments) {
  inspect_options options;
  options.platforms = arguments.platforms;
  options.configs = arguments.config;
  options.offline = arguments.offline;
  if (arguments.config && options.platforms.empty()) options.platforms.push_back(platform::host());
  return run_image_lookup<inspect_result>(
      arguments, options,
      [](engine& asked, const reference& image, inspect_options settings, diagnostics& text, auto token) {
        asked.async_inspect(image, std::move(settings), text, std::move(token));
      },
      [&](const reference&, const inspect_result& found) {
        if (arguments.raw || arguments.config) return document_of(arguments, found);
        return arguments.common.json ? inspect_json(found) : inspect_text(found);
      });
}

outcome<std::string> text_of(const inspect_arguments& arguments, const inspect_files_result& found) {
  if (!arguments.raw && !arguments.config) return arguments.common.json ? inspect_json(found) : inspect_text(found);
  if (found.images.size() > 1) {
    return usage_problem(fmt::format("{} holds {} images, and one document is printed", arguments.object, found.images.size()),
                         "name one of them behind the file");
  }
  const inspect_result& image = found.images.front();
  if (arguments.raw) return document_of(arguments, image);
  const inspected_manifest* const one = choose_config(image);
  if (one != nullptr) return one->config_document;
  return problem(exit_code::not_found, fmt::format("{} has no configuration of an image for {}, and not just one other", arguments.object,
                                                   to_string(platform::host())));
}

int inspect_file(const inspect_arguments& arguments, const archive_input& from) {
  if (!arguments.common.username.empty()) {
    return fail_early(usage_problem("a file is read without a registry, and -u is for one"));
  }
  inspect_options options;
  options.platforms = arguments.platforms;
  options.configs = arguments.config;
  if (!arguments.inside.empty()) {
    auto image = parse_image(arguments.inside);
    if (!image) return fail_early(image.error());
    options.name = std::move(image->image);
  }
  return run_lookup<inspect_files_result>(
      arguments, std::set<std::string>(), options,
      [&](engine& asked, inspect_options settings, diagnostics& text, auto token) {
        asked.async_inspect_files(from, std::move(settings), text, std::move(token));
      },
      [&](const inspect_files_result& found) { return text_of(arguments, found); });
}

}  // namespace

int inspect_command(std::vector<std::string> words) {
  return run_parsed<inspect_arguments>(parse_inspect(std::move(words)), [](const inspect_arguments& arguments) {
    if (arguments.registry.empty()) {
      if (arguments.object == "-") return inspect_file(arguments, 0);
      const auto source = parse_push_source(arguments.object, path_is_there);
      if (!source) return fail_early(source.error());
      if (const auto* path = std::get_if<std::filesystem::path>(&*source)) return inspect_file(arguments, *path);
    }
    if (!arguments.inside.empty()) {
      return fail_early(usage_problem(fmt::format("'{}' is one name too many: {} is no file", arguments.inside, arguments.object)));
    }
    return inspect_reference(arguments);
  });
}

}  // namespace gantry::app
