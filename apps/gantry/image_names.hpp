#pragma once

#include "outcome.hpp"

#include <gantry/network.hpp>
#include <gantry/platform.hpp>
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
  /// What a list says beside the name. Empty: what the command line says.
  std::vector<platform> platforms{};

  friend bool operator==(const image_request&, const image_request&) = default;
};

/// Reads one word of the command line. `docker://` in front is dropped; words that name files (`oci:`, `docker-archive:`, ...,
/// and without a registry the suffix of an archive) or pages (`https://`) are refused with advice.
/// \param registry as in parse_registry; empty: the word names its registry itself
outcome<image_request> parse_image(std::string_view word, std::string_view registry = {});

/// The same for an image that a registry is asked about. `localhost:5000`, a registry without a repository, is refused: it is no image of
/// Docker Hub with a number as its tag, as the store may well have one.
outcome<image_request> parse_remote_image(std::string_view word, std::string_view registry = {});

/// Whether a tag or a digest is written behind the repository: where none is, references mean `latest`.
bool names_one_image(std::string_view word);

/// \p word without the tag or digest that is written behind the repository.
std::string without_tag(std::string_view word);

/// `REPOSITORY:TAG` or `REPOSITORY@DIGEST` of the options --repository and --reference; the tag may be empty.
std::string join_repository(std::string_view repository, std::string_view tag_or_digest);

/// --reference was given and --repository was not. \param name the image that \p tag_or_digest is meant for; empty: that cannot be told
problem lacks_repository(std::string_view name, std::string_view tag_or_digest);

/// What a `--from` list says.
struct image_list {
  std::vector<image_request> images;
  std::vector<mirror_setting> mirrors;
};

/// Reads a `--from` list: references, one a line, blank lines and lines that begin with '#' left out, at most 1 MiB; or images.json, see
/// parse_sync_list, whose tags are pulled under the names of their sources.
/// \param name of the list, for messages
/// \param registry as in parse_image; images.json names its registries itself
outcome<image_list> read_image_list(std::istream& in, const std::string& name, const std::string& registry);

/// Opens the list \p path, or says why that cannot be.
outcome<> open_list(std::ifstream& file, const std::string& path);

/// All of \p in, for lists in JSON: at most \p limit bytes and one more.
outcome<std::string> read_text(std::istream& in, const std::string& name, std::size_t limit);

/// Whether a list is JSON, by what it begins with.
bool looks_like_json(std::string_view text);

}  // namespace gantry::app
