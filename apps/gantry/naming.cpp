#include "naming.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace gantry::app {
namespace {

/// A reference may be longer than any file name; so much of one leaves room for what else is put around it.
constexpr std::size_t longest_stem_bytes = 200;

/// FNV-1a: tells names apart that were cut, the same on every machine.
std::uint64_t mark_of(std::string_view text) {
  std::uint64_t mark = 0xcbf29ce484222325u;
  for (const char c : text) mark = (mark ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return mark;
}

/// \p front and \p back as one name, which loses the end of its front, or its whole end, when it is too long.
std::string joined(const std::string& front, const std::string& back) {
  const std::string whole = front + back;
  if (whole.size() <= longest_stem_bytes) return whole;
  const std::string mark = fmt::format("_{:016x}", mark_of(whole));
  const std::size_t room = longest_stem_bytes - mark.size();
  if (back.size() < room) return front.substr(0, room - back.size()) + mark + back;
  return whole.substr(0, room) + mark;
}

}  // namespace

std::string archive_name(const reference& image, const std::vector<platform>& platforms, bool gzip) {
  std::string repository = image.repository();
  std::string name;
  if (image.registry() != "docker.io") {
    name = image.registry() + "_";
  } else if (repository.starts_with("library/")) {
    repository.erase(0, std::string_view("library/").size());
  }
  std::string back = "_" + (image.tag().empty() ? std::string(image.digest().short_form()) : image.tag());
  // What is no image runs nowhere.
  for (const auto& wanted : platforms) back += (wanted.architecture.empty() ? "" : "_") + wanted.architecture + wanted.variant;
  name = joined(name + repository, back);
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
