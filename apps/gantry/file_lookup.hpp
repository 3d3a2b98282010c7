#pragma once

#include "extract_options.hpp"
#include "lookup.hpp"

#include <optional>
#include <set>
#include <string>
#include <utility>

namespace gantry::app {

/// The archive or directory that the object is; nothing when it is a reference.
outcome<std::optional<archive_input>> file_named_in(const file_lookup_arguments& arguments);

/// The only image that was found. \param what is printed of it, for the problem when there are several
outcome<const inspect_result*> the_image_of(const file_lookup_arguments& arguments, const inspect_files_result& found, const char* what);

/// \ref run_lookup for what a file holds.
template <class Print>
int run_file_lookup(const file_lookup_arguments& arguments, const archive_input& from, inspect_options options, Print print) {
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
      print);
}

}  // namespace gantry::app
