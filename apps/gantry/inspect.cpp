#include "inspect_text.hpp"
#include "lookup.hpp"

namespace gantry::app {
namespace {

/// The document that --raw or --config ask for.
std::string document_of(const inspect_arguments& arguments, const inspect_result& found) {
  if (arguments.config) return found.manifests.front().config_document;
  return arguments.platforms.empty() ? found.document : found.manifests.front().document;
}

}  // namespace

int inspect_command(std::vector<std::string> words) {
  return run_parsed<inspect_arguments>(parse_inspect(std::move(words)), [](const inspect_arguments& arguments) {
    inspect_options options;
    options.platforms = arguments.platforms;
    options.configs = arguments.config;
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
  });
}

}  // namespace gantry::app
