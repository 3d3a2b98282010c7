#pragma once

#include <gantry/platform.hpp>
#include <gantry/pull.hpp>
#include <gantry/reference.hpp>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// `[<registry>_]<repository>_<tag>_<arch>[<variant>]...` and `.tar` or `.tar.gz` (CLI.md, "Archive name"). `docker.io` and `library/` are
/// left out, '/' and ':' become '_', a digest without tag stands as its first 12 digits. Beyond 200 bytes repositories are cut, with 16
/// digits in place of what they lose.
/// \param platforms one, or all that share the archive; those without an architecture are left out
std::string archive_name(const reference& image, const std::vector<platform>& platforms, bool gzip);

/// The name of what a format makes: \ref archive_name, for a directory without its suffix.
std::string output_name(const reference& image, const std::vector<platform>& platforms, archive_format format, bool gzip);

/// Whether a name is meant for an archive: .tar, .tar.gz, .tgz, .gz.
bool has_archive_suffix(std::string_view name);

/// Whether a path is standard output by another name, which shells and scripts write in place of `-`.
bool is_standard_output(std::string_view path);

/// Whether a name asks for gzip: .gz, .tgz.
bool has_gzip_suffix(std::string_view name);

}  // namespace gantry::app
