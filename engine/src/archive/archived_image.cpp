#include "archive/archived_image.hpp"

#include "archive/tar.hpp"
#include "model/media_type.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gantry::archive {
namespace {

/// A name with tag and digest is the tag's name; the digest has done its work.
reference tagged(const reference& name) { return name.with_digest({}); }

}  // namespace

std::string label(const archived_image& image) { return image.names.empty() ? image.top.digest.string() : image.names.front().string(); }

bool is_image(const archived_manifest& held) {
  if (held.attestation || !held.config) return false;
  // Docker's own early pushes left the type of the config open.
  return model::is_image_config(held.config->media_type) ||
         (held.manifest.media_type == model::media_type::docker_manifest && held.config->media_type == "application/octet-stream");
}

result<std::vector<const archived_manifest*>> runnable(const archived_image& image, std::string_view format) {
  std::vector<const archived_manifest*> found;
  for (const archived_manifest& held : image.manifests) {
    if (is_image(held)) found.push_back(&held);
  }
  if (!found.empty()) return found;
  const std::string* type = &image.top.artifact_type;
  for (const archived_manifest& held : image.manifests) {
    if (type->empty() && !held.attestation) type = &held.artifact_type;
  }
  // Older artifacts are what their config is (image-spec manifest.md, "Guidelines for Artifact Usage").
  for (const archived_manifest& held : image.manifests) {
    if (type->empty() && held.config && !held.attestation) type = &held.config->media_type;
  }
  return failure(errc::not_an_image, fmt::format("{} is not a container image but an artifact{}{}; {} holds images only, use -f oci",
                                                 label(image), type->empty() ? "" : " of type ", *type, format));
}

std::string platform_list(std::span<const archived_manifest* const> held) {
  std::string text;
  for (const archived_manifest* one : held) text.append(text.empty() ? "" : ", ").append(to_string(one->platform));
  return text;
}

name_owners::name_owners(std::span<const archived_image> images, std::vector<std::string>& notes) {
  for (const archived_image& image : images) {
    for (const reference& name : image.names) {
      if (name.tag().empty()) continue;
      const auto [owner, first] = owners_.try_emplace(tagged(name).string(), image.top.digest);
      if (first || owner->second == image.top.digest) continue;
      notes.push_back(fmt::format("{} is asked for twice with different content; the archive gives the name to {}", owner->first,
                                  owner->second.string()));
    }
  }
}

std::vector<reference> name_owners::tags_of(const archived_image& image) const {
  std::vector<reference> tags;
  for (const reference& name : image.names) {
    if (name.tag().empty() || owners_.at(tagged(name).string()) != image.top.digest) continue;
    if (std::find(tags.begin(), tags.end(), tagged(name)) == tags.end()) tags.push_back(tagged(name));
  }
  return tags;
}

void docker_images::add(std::string config_path, std::vector<std::string> layer_paths, const std::string& top_layer,
                        const std::vector<reference>& tags) {
  auto place = std::find_if(images_.begin(), images_.end(), [&](const docker_image& other) { return other.config == config_path; });
  if (place == images_.end()) place = images_.insert(place, {std::move(config_path), {}, std::move(layer_paths)});
  for (const reference& tag : tags) {
    const std::string text = tag.familiar();
    if (std::find(place->tags.begin(), place->tags.end(), text) != place->tags.end()) continue;
    place->tags.push_back(text);
    if (!top_layer.empty()) repositories_[tag.familiar_name()][tag.tag()] = top_layer;
  }
}

void docker_images::append_to(std::vector<std::pair<std::string, std::string>>& documents) const {
  documents.emplace_back("manifest.json", manifest_json(images_));
  if (!repositories_.empty()) documents.emplace_back("repositories", repositories_json(repositories_));
}

void append(layout& plan, entry member) {
  member.header_offset = plan.size;
  member.data_offset = plan.size + header_of(member).size();
  plan.size = member.data_offset + member.size + tar_padding(member.size);
  plan.entries.push_back(std::move(member));
}

void append(layout& plan, std::string name, std::string text) {
  const std::uint64_t size = text.size();
  append(plan, entry{std::move(name), size, std::move(text), 0, 0});
}

}  // namespace gantry::archive
