#include "environment.hpp"

#include "image_names.hpp"
#include "naming.hpp"
#include "values.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

namespace gantry::app {

environment process_environment() {
  return [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
}

outcome<std::optional<pull_arguments>> environment_arguments(const environment& variables, const pull_arguments& usual) {
  const std::string image = variables("IMAGE_REF");
  if (image.empty()) return std::optional<pull_arguments>();
  pull_arguments arguments;
  arguments.common = usual.common;
  arguments.platforms = usual.platforms;
  // The result is one archive.
  if (usual.format != archive_format::oci_dir) arguments.format = usual.format;
  arguments.images.push_back(image);
  auto request = parse_remote_image(image);
  if (!request) return usage_problem("IMAGE_REF: " + request.error().message, request.error().hint);

  const std::string wanted = variables("PLATFORM");
  if (!wanted.empty() || arguments.platforms.empty()) {
    auto platforms = parse_platforms(wanted.empty() ? "linux/amd64" : wanted);
    if (!platforms) return usage_problem("PLATFORM: " + platforms.error().message, platforms.error().hint);
    arguments.platforms = std::move(*platforms);
  }

  if (const std::string format = variables("GANTRY_FORMAT"); !format.empty()) {
    auto known = parse_format(format);
    if (!known) return usage_problem(fmt::format("GANTRY_FORMAT takes docker, oci or synology, not '{}'", format), known.error().hint);
    if (*known == archive_format::oci_dir) return usage_problem("GANTRY_FORMAT: the result is one archive: docker, oci or synology");
    arguments.format = *known;
  }
  arguments.common.report = variables("GANTRY_REPORT");
  arguments.output = variables("GANTRY_OUTPUT");
  if (arguments.output.empty()) {
    arguments.output = archive_name(request->image, arguments.platforms, true);
  } else {
    // A directory gets the names of this mode, which end in .tar.gz.
    arguments.gzip = arguments.output != "-" && !has_archive_suffix(arguments.output);
  }
  return std::optional(std::move(arguments));
}

std::pair<std::string, std::vector<std::string>> github_output(const archive_facts& facts) {
  std::string text;
  std::vector<std::string> refused;
  const std::pair<const char*, std::string> values[] = {{"archive_path", facts.path},
                                                        {"archive_name", facts.name},
                                                        {"archive_size", fmt::format("{}", facts.size)},
                                                        {"digest", facts.digest},
                                                        {"manifest_digest", facts.manifest_digest},
                                                        {"image_id", facts.image_id}};
  for (const auto& [key, value] : values) {
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (std::any_of(value.begin(), value.end(), is_control)) {
      refused.emplace_back(key);
    } else {
      text += fmt::format("{}={}\n", key, value);
    }
  }
  return {std::move(text), std::move(refused)};
}

}  // namespace gantry::app
