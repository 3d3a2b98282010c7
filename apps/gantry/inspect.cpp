#include "file_lookup.hpp"
#include "inspect_text.hpp"
#include "standard_output.hpp"

namespace gantry::app {
namespace {

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
        return arguments.common.json ? inspect_json(found) : inspect_text(found, result_width());
      });
}

outcome<std::string> text_of(const inspect_arguments& arguments, const inspect_files_result& found) {
  if (!arguments.raw && !arguments.config) return arguments.common.json ? inspect_json(found) : inspect_text(found, result_width());
  const auto only = the_image_of(arguments, found, "document");
  if (!only) return only.error();
  const inspect_result& image = **only;
  if (arguments.raw) return document_of(arguments, image);
  const inspected_manifest* const one = choose_config(image);
  if (one != nullptr) return one->config_document;
  return problem(exit_code::not_found, fmt::format("{} has no configuration of an image for {}, and not just one other", arguments.object,
                                                   to_string(platform::host())));
}

int inspect_file(const inspect_arguments& arguments, const archive_input& from) {
  inspect_options options;
  options.platforms = arguments.platforms;
  options.configs = arguments.config;
  return run_file_lookup(arguments, from, std::move(options), [&](const inspect_files_result& found) { return text_of(arguments, found); });
}

}  // namespace

int inspect_command(std::vector<std::string> words) {
  return run_parsed<inspect_arguments>(parse_inspect(std::move(words)), [](const inspect_arguments& arguments) {
    const auto file = file_named_in(arguments);
    if (!file) return fail_early(file.error());
    return *file ? inspect_file(arguments, **file) : inspect_reference(arguments);
  });
}

}  // namespace gantry::app
