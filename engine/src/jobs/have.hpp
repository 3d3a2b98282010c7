#pragma once

#include "base/failure.hpp"

#include <gantry/digest.hpp>

#include <atomic>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::jobs {

/// The blobs that another side has, out of \p path: an archive or directory of images, what `gantry list --json` printed there, or a text
/// with one digest a line, blank lines and lines that begin with '#' left out. Blocking.
/// \returns errc::file_not_found, errc::malformed_document for anything else, and what reading an archive fails with
result<std::set<digest>> read_have(const std::filesystem::path& path, const std::atomic<bool>& stop);
/// The same out of all \p paths.
result<std::set<digest>> held_there(const std::vector<std::string>& paths, const std::atomic<bool>& stop);

/// The two kinds of text. \p what names it in messages.
result<std::set<digest>> parse_have(std::string_view text, std::string_view what);

}  // namespace gantry::jobs
