#include "archive/layout.hpp"

#include "archive/documents.hpp"
#include "archive/tar.hpp"
#include "model/digester.hpp"
#include "model/media_type.hpp"
#include "model/platform_match.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace gantry::archive {
namespace {

/// How messages call an image.
std::string label(const archived_image& image) { return image.names.empty() ? image.top.digest.string() : image.names.front().string(); }

/// A name with tag and digest is the tag's name; the digest has done its work.
reference tagged(const reference& name) { return name.with_digest({}); }

/// A runnable image, as opposed to an artifact or an attestation.
bool is_image(const archived_manifest& held) {
  if (held.attestation || !held.config) return false;
  // Docker's own early pushes left the type of the config open.
  return model::is_image_config(held.config->media_type) ||
         (held.manifest.media_type == model::media_type::docker_manifest && held.config->media_type == "application/octet-stream");
}

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
  layout arrange(std::vector<std::pair<std::string, std::string>> documents) && {
    layout plan;
    const std::string marker = oci_layout_json();
    place(plan, {"oci-layout", marker.size(), marker, 0, 0});
    place(plan, {"blobs/", 0, std::string(), 0, 0});
    std::set<std::string> directories;
    for (const entry& blob : blobs_) directories.insert(blob.name.substr(0, blob.name.rfind('/') + 1));
    for (const std::string& directory : directories) place(plan, {directory, 0, std::string(), 0, 0});
    for (entry& blob : blobs_) place(plan, std::move(blob));
    for (auto& [name, text] : documents) place(plan, {name, text.size(), std::move(text), 0, 0});
    plan.size += tar_end_size;
    return plan;
  }

 private:
  static void place(layout& plan, entry member) {
    const tar_type type = member.name.ends_with('/') ? tar_type::directory : tar_type::file;
    member.header_offset = plan.size;
    member.data_offset = plan.size + tar_header(member.name, member.size, type).size();
    plan.size = member.data_offset + member.size + tar_padding(member.size);
    plan.entries.push_back(std::move(member));
  }

  std::set<digest> known_;
  std::vector<entry> blobs_;
};

/// What both formats share: blobs in order, index.json, and who owns which name.
class planner {
 public:
  explicit planner(std::span<const archived_image> images) : images_(images) {
    for (const archived_image& image : images_) claim_names(image);
    for (const archived_image& image : images_) add_content(image);
    for (const archived_image& image : images_) add_documents(image);
    short_names_ = tags_are_unambiguous();
    for (std::size_t i = 0; i < images_.size(); ++i) list(images_[i], targets_[i]);
  }

  /// The tags of \p image that it owns, in short form.
  std::vector<reference> tags_of(const archived_image& image) const {
    std::vector<reference> tags;
    for (const reference& name : image.names) {
      if (name.tag().empty() || !owns(image, tagged(name))) continue;
      if (std::find(tags.begin(), tags.end(), tagged(name)) == tags.end()) tags.push_back(tagged(name));
    }
    return tags;
  }

  std::string index() const { return index_json(model::media_type::oci_index, listed_); }
  std::size_t listed() const { return listed_.size(); }
  void note(std::string text) { notes_.push_back(std::move(text)); }

  layout finish(std::vector<std::pair<std::string, std::string>> documents) && {
    layout plan = std::move(contents_).arrange(std::move(documents));
    plan.notes = std::move(notes_);
    return plan;
  }

 private:
  bool owns(const archived_image& image, const reference& tag) const { return owners_.at(tag.string()) == image.top.digest; }

  void claim_names(const archived_image& image) {
    for (const reference& name : image.names) {
      if (name.tag().empty()) continue;
      const auto [owner, first] = owners_.try_emplace(tagged(name).string(), image.top.digest);
      if (first || owner->second == image.top.digest) continue;
      note(fmt::format("{} is asked for twice with different content; the archive gives the name to {}", owner->first,
                       owner->second.string()));
    }
  }

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

  /// What index.json points at; see plan_docker.
  descriptor target_of(const archived_image& image) {
    if (!image.indexes.empty()) return image.top;
    std::vector<const archived_manifest*> wanted;
    for (const archived_manifest& held : image.manifests) {
      if (!held.attestation) wanted.push_back(&held);
    }
    if (wanted.empty()) return image.top;
    if (wanted.size() == 1) {
      descriptor target = wanted.front()->manifest;
      target.platform = wanted.front()->platform;
      return target;
    }
    return part_of_index(image);
  }

  /// An index of what is held of a larger one, in the family of the original.
  descriptor part_of_index(const archived_image& image) {
    std::vector<descriptor> members;
    for (const archived_manifest& held : image.manifests) {
      descriptor& member = members.emplace_back(held.manifest);
      member.platform = held.platform;
    }
    descriptor made;
    made.media_type =
        image.top.media_type == model::media_type::docker_list ? model::media_type::docker_list : model::media_type::oci_index;
    std::string text = index_json(made.media_type, members);
    made.digest = model::digest_of(text);
    made.size = text.size();
    contents_.add(made, std::move(text));
    return made;
  }

  /// Whether the archive holds one image and no two of its tags read alike without their repository: then the bare tag, which is what
  /// people type, means one thing.
  bool tags_are_unambiguous() const {
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
    for (const reference& tag : tags) names.emplace_back(tag.string(), short_names_ ? tag.tag() : tag.string());
    for (const reference& name : image.names) {
      // A digest names what is here only if that is what it was made of; podman checks.
      if (!name.tag().empty() || name.digest() != target.digest) continue;
      names.emplace_back(name.string(), short_names_ ? std::string() : name.string());
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
  std::map<std::string, digest> owners_;
  contents contents_;
  std::vector<descriptor> targets_;
  bool short_names_ = false;
  std::vector<descriptor> listed_;
  std::vector<std::string> notes_;
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

std::string platform_list(const std::vector<const archived_manifest*>& held) {
  std::string text;
  for (const archived_manifest* one : held) text.append(text.empty() ? "" : ", ").append(to_string(one->platform));
  return text;
}

/// manifest.json and repositories of all images.
class docker_documents {
 public:
  result<void> add(const archived_image& image, planner& plan, const platform& host) {
    std::vector<const archived_manifest*> candidates;
    for (const archived_manifest& held : image.manifests) {
      if (is_image(held)) candidates.push_back(&held);
    }
    if (candidates.empty()) return no_image(image);
    const archived_manifest& chosen = preferred(candidates, host);
    if (candidates.size() > 1) {
      plan.note(fmt::format(
          "{} is here for {}; engines that read manifest.json (docker without the containerd image store, old podman) will see {} only",
          label(image), platform_list(candidates), to_string(chosen.platform)));
    }
    const bool has_zstd = std::any_of(candidates.begin(), candidates.end(), [](const archived_manifest* held) {
      return std::any_of(held->layers.begin(), held->layers.end(),
                         [](const descriptor& layer) { return model::compression_of(layer.media_type) == model::compression::zstd; });
    });
    if (has_zstd) plan.note(fmt::format("{} has zstd layers, which docker before version 23 cannot load", label(image)));
    enter(chosen, plan.tags_of(image));
    return {};
  }

  std::string manifests() const { return manifest_json(images_); }
  bool has_repositories() const { return !repositories_.empty(); }
  std::string repositories() const { return repositories_json(repositories_); }

 private:
  static failure no_image(const archived_image& image) {
    const std::string* type = &image.top.artifact_type;
    for (const archived_manifest& held : image.manifests) {
      if (type->empty() && held.config && !held.attestation) type = &held.config->media_type;
    }
    return {errc::not_an_image,
            fmt::format("{} is not a container image but an artifact{}{}; docker's format holds images only, use -f oci", label(image),
                        type->empty() ? "" : " of type ", *type)};
  }

  void enter(const archived_manifest& chosen, const std::vector<reference>& tags) {
    const digest& id = chosen.config->digest;
    auto place = std::find_if(images_.begin(), images_.end(), [&](const docker_image& other) { return other.config.digest == id; });
    if (place == images_.end()) place = images_.insert(place, {*chosen.config, {}, chosen.layers});
    for (const reference& tag : tags) {
      const std::string text = tag.familiar();
      if (std::find(place->tags.begin(), place->tags.end(), text) != place->tags.end()) continue;
      place->tags.push_back(text);
      if (!place->layers.empty()) repositories_[tag.familiar_name()][tag.tag()] = place->layers.back().digest.encoded();
    }
  }

  std::vector<docker_image> images_;
  std::map<std::string, std::map<std::string, std::string>> repositories_;
};

}  // namespace

result<layout> plan_docker(std::span<const archived_image> images, const platform& host) {
  planner plan(images);
  docker_documents docker;
  for (const archived_image& image : images) {
    if (const result<void> added = docker.add(image, plan, host); !added) return added.error();
  }
  std::vector<std::pair<std::string, std::string>> documents{{"index.json", plan.index()}, {"manifest.json", docker.manifests()}};
  if (docker.has_repositories()) documents.emplace_back("repositories", docker.repositories());
  return std::move(plan).finish(std::move(documents));
}

result<layout> plan_oci(std::span<const archived_image> images) {
  planner plan(images);
  if (plan.listed() > 1) plan.note("podman load takes OCI archives of one name only; with -f docker it loads all");
  return std::move(plan).finish({{"index.json", plan.index()}});
}

}  // namespace gantry::archive
