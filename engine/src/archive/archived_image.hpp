#pragma once

#include "archive/documents.hpp"
#include "archive/layout.hpp"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gantry::archive {

/// How messages call an image.
std::string label(const archived_image& image);

/// A runnable image, as opposed to an artifact or an attestation.
bool is_image(const archived_manifest& held);

/// The runnable images of one name, in order; errc::not_an_image when there is none. \param format for the message, e.g. "docker's format"
result<std::vector<const archived_manifest*>> runnable(const archived_image& image, std::string_view format);

/// `linux/amd64, linux/arm64`
std::string platform_list(std::span<const archived_manifest* const> held);

/// Which of several images gets a name that all of them want: the first.
class name_owners {
 public:
  /// \param notes gets a sentence for each name that is asked for twice with different content
  name_owners(std::span<const archived_image> images, std::vector<std::string>& notes);

  /// The tags of \p image, one of those given to the constructor, that it owns, without digests, each once.
  std::vector<reference> tags_of(const archived_image& image) const;

 private:
  std::map<std::string, digest> owners_;
};

/// Docker's `manifest.json` and `repositories`: images with the same config share one entry with all tags.
class docker_images {
 public:
  /// \param config_path, layer_paths names of entries in the archive
  /// \param top_layer what `repositories` points at; empty for an image without layers
  void add(std::string config_path, std::vector<std::string> layer_paths, const std::string& top_layer, const std::vector<reference>& tags);

  /// Appends `manifest.json`, and `repositories` when there is a tag to put into it.
  void append_to(std::vector<std::pair<std::string, std::string>>& documents) const;

 private:
  std::vector<docker_image> images_;
  std::map<std::string, std::map<std::string, std::string>> repositories_;
};

/// Puts \p member at the end of \p plan and sets its offsets; \p plan.size is then where the next header starts.
void append(layout& plan, entry member);
void append(layout& plan, std::string name, std::string text);

}  // namespace gantry::archive
