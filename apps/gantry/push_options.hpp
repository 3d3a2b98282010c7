#pragma once

#include "file_words.hpp"
#include "upload_options.hpp"

#include <gantry/push.hpp>

#include <string>
#include <vector>

namespace gantry::app {

/// `gantry push`.
struct push_arguments : upload_arguments {
  push_source source;
  push_target target;
  std::string target_registry;  ///< host and optional port
  bool keep_compression = false;
};

/// What the first word of `gantry push` means: a file by prefix (`docker-archive:`, `oci:`, `oci-archive:`, with `:IMAGE` behind it one of
/// several), when it exists, or by its suffix; else a reference in the store.
outcome<push_source> parse_push_source(const std::string& word, path_exists exists);

/// `HOST/NAME:TAG`, or with `/` at the end a place for all images of the source.
outcome<push_target> parse_push_target(const std::string& word, const std::string& registry);

/// The words behind the command. Looks at the file system through \p exists alone.
parsed<push_arguments> parse_push(std::vector<std::string> words, path_exists exists);

}  // namespace gantry::app
