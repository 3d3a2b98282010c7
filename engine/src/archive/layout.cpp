#include "archive/layout.hpp"

#include "archive/archived_image.hpp"
#include "archive/chosen_index.hpp"
#include "archive/documents.hpp"
#include "archive/tar.hpp"
#include "model/media_type.hpp"
#include "model/platform_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace gantry::archive {
namespace {

/// Collects blobs in archive order, each once, and turns them into entries when the order is complete.
class contents {
 public:
  void add(const descriptor& blob) {
    if (known_.insert(blob.digest).second) blobs_.push_back({blob_path(blob.digest), blob.size, blob, 0, 0});
  }
  void add(const descriptor& blob, std::string bytes) {
    if (known_.insert(blob.digest).second) blobs_.push_back({blob_path(blob.digest), blob.size, std::move(bytes), 0, 0});
  }

  /// oci-layout, directories and blobs; then \p documents.
  layout arrange(std::vector<std::pair<std::string, std::string>>&& documents) && {
    layout plan;
    append(plan, "oci-layout", oci_layout_json());
    append(plan, "blobs/", std::string());
    std::set<std::string> directories;
    for (const entry& blob : blobs_) directories.insert(blob.name.substr(0, blob.name.rfind('/') + 1));
    for (const std::string& directory : directories) append(plan, directory, std::string());
    for (entry& blob : blobs_) append(plan, std::move(blob));
    for (auto& [name, text] : documents) append(plan, std::move(name), std::move(text));
    plan.size += tar_end_size;
    return plan;
  }

 private:
  std::set<digest> known_;
  std::vector<entry> blobs_;
};

/// What both formats share: blobs in order, index.json, and who owns which name.
class planner {
 public:
  explicit planner(std::span<const archived_image> images) : images_(images), owners_(images, notes_) {
    for (const archived_image& image : images_) add_content(image);
    for (const archived_image& image : images_) add_documents(image);
    short_names_ = tags_are_unambiguous();
    for (std::size_t i = 0; i < images_.size(); ++i) list(images_[i], targets_[i]);
  }

  std::vector<reference> tags_of(const archived_image& image) const { return owners_.tags_of(image); }

  std::string index() const { return index_json(model::media_type::oci_index, listed_); }
  std::size_t listed() const { return listed_.size(); }
  void note(std::string text) { notes_.push_back(std::move(text)); }

  layout finish(std::vector<std::pair<std::string, std::string>> documents) && {
    layout plan = std::move(contents_).arrange(std::move(documents));
    plan.notes = std::move(notes_);
    return plan;
  }

 private:
  void add_content(const archived_image& image) {
    for (const archived_manifest& held : image.manifests) {
      if (held.config) contents_.add(*held.config);
      for (const descriptor& layer : held.layers) contents_.add(layer);
    }
  }

  void add_documents(const archived_image& image) {
    for (const archived_manifest& held : image.manifests) contents_.add(held.manifest);
    for (const descriptor& document : image.indexes) contents_.add(document);
    targets_.push_back(target_of(image));
  }

  descriptor target_of(const archived_image& image) {
    std::string made;
    descriptor target = listed_top(image, &made);
    if (!made.empty()) contents_.add(target, std::move(made));
    return target;
  }

  /// Whether the archive holds one image and no two of its tags read alike without their repository: then the bare tag, which is what
  /// people type, means one thing.
  bool tags_are_unambiguous() const {
    if (std::any_of(images_.begin(), images_.end(), [](const archived_image& one) { return one.full_names; })) return false;
    std::set<std::string> bare;
    std::set<reference> full;
    for (std::size_t i = 0; i < images_.size(); ++i) {
      if (targets_[i].digest != targets_[0].digest) return false;
      for (const reference& tag : tags_of(images_[i])) {
        bare.insert(tag.tag());
        full.insert(tag);
      }
    }
    return bare.size() == full.size();
  }

  /// Adds \p target to index.json, once per name.
  void list(const archived_image& image, descriptor target) {
    // Those of a larger index, or of a registry's answer: they are no part of this archive's names.
    target.data.reset();
    target.annotations.clear();
    std::vector<std::pair<std::string, std::string>> names;  // full name, ref.name
    const std::vector<reference> tags = tags_of(image);
    names.reserve(tags.size() + image.names.size());
    for (const reference& tag : tags) names.emplace_back(tag.string(), short_names_ ? tag.tag() : tag.string());
    for (const reference& name : image.names) {
      // A digest names what is here only if that is what it was made of; podman checks.
      if (!name.tag().empty() || name.digest() != target.digest) continue;
      names.emplace_back(name.string(), short_names_ ? std::string() : name.string());
    }

    if (names.empty() && !image.bare_tags.empty()) {
      for (const std::string& tag : image.bare_tags) {
        descriptor tagged = target;
        tagged.annotations[ref_name_annotation] = tag;
        if (std::find(listed_.begin(), listed_.end(), tagged) == listed_.end()) listed_.push_back(std::move(tagged));
      }
      return;
    }
    if (names.empty()) {
      const bool there =
          std::any_of(listed_.begin(), listed_.end(), [&](const descriptor& other) { return other.digest == target.digest; });
      if (!there) listed_.push_back(std::move(target));
      return;
    }
    for (const auto& [full, ref_name] : names) {
      descriptor named = target;
      named.annotations[image_name_annotation] = full;
      if (!ref_name.empty()) named.annotations[ref_name_annotation] = ref_name;
      if (std::find(listed_.begin(), listed_.end(), named) == listed_.end()) listed_.push_back(std::move(named));
    }
  }

  std::span<const archived_image> images_;
  std::vector<std::string> notes_;
  name_owners owners_;
  contents contents_;
  std::vector<descriptor> targets_;
  bool short_names_ = false;
  std::vector<descriptor> listed_;
};

/// The platform that gets the tag in manifest.json. Precondition: \p candidates is not empty.
const archived_manifest& preferred(const std::vector<const archived_manifest*>& candidates, const platform& host) {
  model::index offered;
  for (const archived_manifest* candidate : candidates) {
    descriptor& listed = offered.manifests.emplace_back(candidate->manifest);
    listed.annotations.clear();
    if (!candidate->platform.architecture.empty()) listed.platform = candidate->platform;
  }
  const descriptor* chosen = model::choose(offered, host);
  return *candidates[chosen == nullptr ? 0 : static_cast<std::size_t>(chosen - offered.manifests.data())];
}

/// Enters \p image into docker's documents.
result<void> enter(const archived_image& image, planner& plan, const platform& host, docker_images& docker) {
  const result<std::vector<const archived_manifest*>> found = runnable(image, "docker's format");
  if (!found) return found.error();
  const archived_manifest& chosen = preferred(*found, host);
  if (found->size() > 1) {
    plan.note(fmt::format(
        "{} is here for {}; engines that read manifest.json (docker without the containerd image store, old podman) will see {} "
        "only",
        label(image), platform_list(*found), to_string(chosen.platform)));
  }
  const bool has_zstd = std::any_of(found->begin(), found->end(), [](const archived_manifest* held) {
    return std::any_of(held->layers.begin(), held->layers.end(),
                       [](const descriptor& layer) { return model::compression_of(layer.media_type) == model::compression::zstd; });
  });
  if (has_zstd) {
    plan.note(
        fmt::format("{} has zstd layers, which docker before version 23 cannot load; --recompress gzip makes them gzip", label(image)));
  }
  std::vector<std::string> layers;
  layers.reserve(chosen.layers.size());
  for (const descriptor& layer : chosen.layers) layers.push_back(blob_path(layer.digest));
  docker.add(blob_path(chosen.config->digest), std::move(layers),
             chosen.layers.empty() ? std::string() : std::string(chosen.layers.back().digest.encoded()), plan.tags_of(image));
  return {};
}

/// What an index made for \p image names: all that is held of several platforms; of one platform its manifest alone, which takes no index,
/// unless its attestations or an index of one are wanted; they follow it.
std::vector<const archived_manifest*> members_of(const archived_image& image) {
  std::vector<const archived_manifest*> images;
  std::vector<const archived_manifest*> all;
  for (const archived_manifest& held : image.manifests) {
    all.push_back(&held);
    if (!held.attestation) images.push_back(&held);
  }
  if (images.size() != 1) return images.empty() ? images : all;
  if (!image.lists_attestations && !image.as_index) return images;
  const digest& described = images.front()->manifest.digest;
  for (const archived_manifest* held : all) {
    if (held->attestation && model::attested(held->manifest) == described) images.push_back(held);
  }
  return images;
}

}  // namespace

descriptor listed_top(const archived_image& image, std::string* made_text) {
  if (!image.indexes.empty()) return image.top;
  const std::vector<const archived_manifest*> wanted = members_of(image);
  if (wanted.empty()) return image.top;
  if (wanted.size() == 1 && !image.as_index) {
    descriptor target = wanted.front()->manifest;
    target.platform = wanted.front()->platform;
    return target;
  }
  made_index made = index_of(image, wanted);
  if (made_text != nullptr) *made_text = std::move(made.text);
  return std::move(made.top);
}

std::string header_of(const entry& member) {
  return tar_header(member.name, member.size, member.name.ends_with('/') ? tar_type::directory : tar_type::file);
}

result<layout> plan_docker(std::span<const archived_image> images, const platform& host) {
  planner plan(images);
  docker_images docker;
  for (const archived_image& image : images) {
    if (const result<void> entered = enter(image, plan, host, docker); !entered) return entered.error();
  }
  std::vector<std::pair<std::string, std::string>> documents{{"index.json", plan.index()}};
  docker.append_to(documents);
  return std::move(plan).finish(std::move(documents));
}

result<layout> plan_oci(std::span<const archived_image> images) {
  planner plan(images);
  if (plan.listed() > 1) plan.note("podman load takes OCI archives of one name only; with -f docker it loads all");
  std::vector<std::pair<std::string, std::string>> documents{{"index.json", plan.index()}};
  return std::move(plan).finish(std::move(documents));
}

}  // namespace gantry::archive
