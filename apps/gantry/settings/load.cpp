#include "command.hpp"
#include "manual/tables.hpp"
#include "settings/defaults.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <fstream>
#include <system_error>

namespace gantry::app {
namespace {

constexpr std::size_t longest = std::size_t{1} << 20;

std::vector<std::string> all_long_options() {
  std::vector<std::string> names;
  for (const command& verb : commands()) {
    const auto help = help_of(verb.name);
    if (!help) continue;
    for (const option_row& row : help->options) {
      for (const std::string& name : row.names) {
        if (name.starts_with("--")) names.push_back(name.substr(2));
      }
    }
  }
  return names;
}

outcome<user_defaults> load(const environment& variables) {
  user_defaults loaded;
  const std::string path = settings_path(variables);
  if (path.empty()) return loaded;
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::array<char, 4096> piece;
  while (text.size() <= longest && file.read(piece.data(), piece.size()).gcount() > 0) {
    text.append(piece.data(), static_cast<std::size_t>(file.gcount()));
  }
  // A directory opens and cannot be read.
  if (!file.is_open() || file.bad()) {
    const int reason = errno;
    if ((reason == ENOENT || reason == ENOTDIR) && variables("GANTRY_CONFIG").empty()) return loaded;
    const bool absent = reason == ENOENT || reason == ENOTDIR;
    return problem(
        absent ? exit_code::not_found : exit_code::storage,
        fmt::format("the settings in {} cannot be read: {}", path, std::generic_category().message(reason)),
        variables("GANTRY_CONFIG").empty() ? "" : "GANTRY_CONFIG names this file; GANTRY_CONFIG=/dev/null stands for no settings");
  }
  if (text.size() > longest) return usage_problem(fmt::format("the settings in {} are longer than 1 MiB", path));
  auto settings = parse_settings(text, path);
  if (!settings) return settings.error();
  loaded.file = path;
  loaded.settings = std::move(*settings);
  // Most files are right, and then the other names need not be known.
  auto checked = check_settings(loaded, variables, {});
  return checked ? checked : check_settings(std::move(loaded), variables, all_long_options());
}

}  // namespace

outcome<user_defaults> load_user_defaults(const environment& variables) {
  static const outcome<user_defaults> once = load(variables);
  return once;
}

}  // namespace gantry::app
