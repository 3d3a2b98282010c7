#include "naming.hpp"

#include <algorithm>

namespace gantry::app {

std::string archive_name(const reference& image, const std::vector<platform>& platforms, bool gzip) {
  std::string repository = image.repository();
  std::string name;
  if (image.registry() != "docker.io") {
    name = image.registry() + "_";
  } else if (repository.starts_with("library/")) {
    repository.erase(0, std::string_view("library/").size());
  }
  name += repository + "_";
  name += image.tag().empty() ? std::string(image.digest().short_form()) : image.tag();
  for (const auto& wanted : platforms) name += "_" + wanted.architecture + wanted.variant;
  // Brackets of IPv6 literals are legal in file names but a nuisance in every shell.
  std::erase_if(name, [](char c) { return c == '[' || c == ']'; });
  std::replace_if(
      name.begin(), name.end(), [](char c) { return c == '/' || c == ':'; }, '_');
  return name + (gzip ? ".tar.gz" : ".tar");
}

std::string output_name(const reference& image, const std::vector<platform>& platforms, archive_format format, bool gzip) {
  std::string name = archive_name(image, platforms, gzip);
  if (format == archive_format::oci_dir) name.erase(name.rfind(".tar"));
  return name;
}

bool is_standard_output(std::string_view path) { return path == "/dev/stdout" || path == "/dev/fd/1" || path == "/proc/self/fd/1"; }

bool has_gzip_suffix(std::string_view name) { return name.ends_with(".gz") || name.ends_with(".tgz"); }

bool has_archive_suffix(std::string_view name) { return name.ends_with(".tar") || has_gzip_suffix(name); }

}  // namespace gantry::app
