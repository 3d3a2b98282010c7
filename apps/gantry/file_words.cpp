#include "file_words.hpp"

#include <gantry/reference.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

namespace gantry::app {

bool path_is_there(const std::string& path) {
  std::error_code ec;
  return std::filesystem::exists(path, ec);
}

bool looks_like_archive(std::string_view word) {
  static constexpr std::string_view suffixes[] = {".tar", ".tar.gz", ".tgz", ".tar.zst", ".gz", ".zst"};
  return std::any_of(std::begin(suffixes), std::end(suffixes), [word](std::string_view suffix) { return word.ends_with(suffix); });
}

std::optional<file_word> prefixed_file(const std::string& word, path_exists exists) {
  // dir: is not read, which is said once it is seen what is there.
  for (const std::string_view prefix : {"docker-archive:", "oci-archive:", "oci:", "dir:"}) {
    if (!word.starts_with(prefix)) continue;
    const std::string path = word.substr(prefix.size());
    const std::size_t colon = path.find(':');
    if (colon == std::string::npos || exists(path)) return file_word(path);
    std::string image = path.substr(colon + 1);
    if (image.empty()) return file_word(path.substr(0, colon));
    return file_word(archive_member{path.substr(0, colon), std::move(image)});
  }
  return std::nullopt;
}

archive_input parse_input(const std::string& word, path_exists exists) {
  if (const auto file = prefixed_file(word, exists)) {
    const auto* member = std::get_if<archive_member>(&*file);
    return member != nullptr ? archive_input(*member) : archive_input(std::get<std::string>(*file));
  }
  if (word == "-") return 0;
  return word;
}

outcome<> check_is_there(const archive_input& input, std::string otherwise) {
  const auto* member = std::get_if<archive_member>(&input);
  const auto* path = member != nullptr ? &member->path : std::get_if<std::string>(&input);
  std::error_code ec;
  if (path == nullptr || std::filesystem::status(*path, ec).type() != std::filesystem::file_type::not_found) return {};
  error_code no_image;
  if (!looks_like_archive(*path)) reference::parse(*path, no_image);
  const bool may_be_image = member == nullptr && !looks_like_archive(*path) && !no_image;
  return problem(exit_code::not_found, fmt::format("the archive {} does not exist", *path),
                 may_be_image ? std::move(otherwise) : std::string());
}

std::string text_of(const archive_input& input) {
  if (const auto* path = std::get_if<std::string>(&input)) return *path;
  if (const auto* member = std::get_if<archive_member>(&input)) return member->path + ":" + member->image;
  return "standard input";
}

}  // namespace gantry::app
