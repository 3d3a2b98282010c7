#pragma once

#include "outcome.hpp"

#include <gantry/reference.hpp>

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::app {

/// An image as the user named it.
struct image_request {
  reference image;
  /// Tried when \ref image is not found: `HOST/library/NAME` for `-r HOST NAME`.
  std::optional<reference> fallback;

  friend bool operator==(const image_request&, const image_request&) = default;
};

/// Reads one word of the command line. `docker://` in front is dropped; words that name files (`oci:`, `docker-archive:`, ...) or pages
/// (`https://`) are refused with advice.
/// \param registry as in parse_registry; empty: the word names its registry itself
outcome<image_request> parse_image(std::string_view word, std::string_view registry = {});

/// `REPOSITORY:TAG` or `REPOSITORY@DIGEST` of the options --repository and --reference; the tag may be empty.
std::string join_repository(std::string_view repository, std::string_view tag_or_digest);

/// The references of a `--from` list: one a line, blank lines and lines that begin with '#' left out. At most 1 MiB.
/// \param name of the list, for messages
outcome<std::vector<std::string>> read_list(std::istream& in, const std::string& name);

}  // namespace gantry::app
