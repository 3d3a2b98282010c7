#include "file_lookup.hpp"

#include "push_options.hpp"

#include <fmt/format.h>

#include <filesystem>

namespace gantry::app {
outcome<std::optional<archive_input>> file_named_in(const file_lookup_arguments& arguments) {
  std::optional<archive_input> file;
  if (arguments.registry.empty()) {
    if (arguments.object == "-") {
      file = archive_input(0);
    } else {
      const auto source = parse_push_source(arguments.object, path_is_there);
      if (!source) return source.error();
      if (const auto* path = std::get_if<std::string>(&*source)) file = archive_input(*path);
      if (const auto* member = std::get_if<archive_member>(&*source)) file = archive_input(*member);
    }
  }
  if (file && !arguments.common.username.empty()) return usage_problem("a file is read without a registry, and -u is for one");
  if (!file && !arguments.inside.empty()) {
    return usage_problem(fmt::format("'{}' is one name too many: {} is no file", arguments.inside, arguments.object));
  }
  return file;
}

outcome<const inspect_result*> the_image_of(const file_lookup_arguments& arguments, const inspect_files_result& found, const char* what) {
  if (found.images.size() == 1) return &found.images.front();
  return usage_problem(fmt::format("{} holds {} images, and one {} is printed", arguments.object, found.images.size(), what),
                       "name one of them behind the file");
}

}  // namespace gantry::app
