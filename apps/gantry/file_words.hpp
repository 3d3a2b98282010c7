#pragma once

#include "outcome.hpp"

#include <gantry/archive_input.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gantry::app {

/// Tells whether a word is a path of something that exists.
using path_exists = bool (*)(const std::string& path);

/// Asks the file system.
bool path_is_there(const std::string& path);

/// Whether a word ends as archives do: `.tar`, `.tgz`, `.tar.gz`, ... Without a prefix it is a file then, there or not.
bool looks_like_archive(std::string_view word);

using file_word = std::variant<std::string, archive_member>;

/// A word that says by a prefix that it is a file: `docker-archive:FILE`, `oci-archive:FILE` or `oci:DIR`, each also with `:IMAGE` behind
/// it as skopeo writes one image of several (containers-transports(5)). A path with a colon in it that exists stays whole. Nothing for a
/// word without such a prefix.
std::optional<file_word> prefixed_file(const std::string& word, path_exists exists);

/// A file that is read, as a word of the command line: `-` is standard input; see \ref prefixed_file.
archive_input parse_input(const std::string& word, path_exists exists = path_is_there);

/// Says that the file of \p input does not exist, before anything is begun. Whatever else may be wrong with it, opening it tells.
/// \param otherwise the hint when the word might be an image's name
outcome<> check_is_there(const archive_input& input, std::string otherwise);

/// What messages call it.
std::string text_of(const archive_input& input);

}  // namespace gantry::app
